#compdef flowerpower
# Completion of flowerpower for zsh. To have it always, add to ~/.zshrc, below compinit:
#   source <(flowerpower completion zsh)
# or write it to a file called _flowerpower in a folder of $fpath.

_flowerpower() {
  emulate -L zsh
  setopt extended_glob
  local program=${words[1]/#\~\//$HOME/} line kind kept=
  local -a answer values shown typed endings
  typed=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
  answer=("${(@f)$("$program" __complete zsh "${typed[@]}" 2>/dev/null </dev/null)}")
  endings=(${=answer[1]})
  kind=$endings[1]
  shift endings
  [[ $PREFIX == --*=* ]] && compset -P '--[^=]#='
  case $kind in
    values)
      values=("${(@)answer[2,-1]%%$'\t'*}")
      (( $#values )) || return 1
      for line in "${(@)answer[2,-1]}"; do
        shown+=("${(r:${#${(O@)values//?/.}[1]}:)line%%$'\t'*}  -- ${line#*$'\t'}")
      done
      if [[ "$answer" == *$'\t'* ]]; then
        compadd -l -d shown -a values
      else
        compadd -a values
      fi
      ;;
    folders) _files -/ ;;
    files)
      if (( $#endings )); then
        _files -g "*.(${(j:|:)endings})(-.)"
      else
        _files
      fi
      ;;
    *) return 1 ;;
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _flowerpower "$@"
elif (( $+functions[compdef] )); then
  compdef _flowerpower flowerpower
else
  autoload -Uz compinit && compinit && compdef _flowerpower flowerpower
fi
