# Completion of flowerpower for bash. To have it always, add to ~/.bashrc:
#   source <(flowerpower completion bash)

_flowerpower() {
    local kind endings answer line program=${1/#\~\//$HOME/}
    local -a found=()
    COMPREPLY=()
    answer=$("$program" __complete bash "${COMP_LINE:0:COMP_POINT}" "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null </dev/null) || return 0
    while IFS= read -r line; do
        if [[ -z $kind ]]; then
            kind=${line%% *} endings=${line#"$kind"}
        else
            COMPREPLY+=("$line")
        fi
    done <<<"$answer"
    case $kind in
    values)
        # After `--env=` and the like nothing may follow but what is chosen; a space is what bash adds by itself.
        return 0
        ;;
    folders)
        type compopt >/dev/null 2>&1 && compopt -o dirnames
        ;;
    files)
        # Readline lists files best: it knows of quotes, of ~ and of folders. Others than the wanted ones are hidden
        # as long as there is a wanted one.
        for line in $endings; do
            while IFS= read -r answer; do found+=("$answer"); done < <(compgen -f -X "!*.$line" -- "${COMP_WORDS[COMP_CWORD]}")
        done
        if ((${#found[@]})) && type compopt >/dev/null 2>&1; then
            compopt -o filenames -o plusdirs
            COMPREPLY=("${found[@]}")
        elif type compopt >/dev/null 2>&1; then
            compopt -o default
        fi
        ;;
    esac
    return 0
}

if type compopt >/dev/null 2>&1; then
    complete -F _flowerpower flowerpower
else # bash 3.2, as macOS has it, cannot choose for each word
    complete -o default -F _flowerpower flowerpower
fi
