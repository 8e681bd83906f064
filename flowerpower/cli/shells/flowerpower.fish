# Completion of flowerpower for fish. To have it always:
#   flowerpower completion fish > ~/.config/fish/completions/flowerpower.fish

function __flowerpower_complete
    set -l typed (commandline -opc)
    set -l word (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $typed[1])
    set -l answer ($program __complete fish $typed[2..-1] "$word" 2>/dev/null </dev/null)
    or return
    set -l kind (string split ' ' -- $answer[1])
    set -l kept "$answer[2]"
    switch $kind[1]
        case values
            for line in $answer[3..-1]
                echo -- $kept$line
            end
        case folders
            __fish_complete_directories (string replace -- "$kept" '' "$word") | string replace -r -- '^' "$kept"
        case files
            set -l start (string replace -- "$kept" '' "$word")
            set -l found
            for ending in $kind[2..-1]
                set -a found (__fish_complete_suffix .$ending)
            end
            test (count $found) -gt 0; or set found (__fish_complete_path "$start")
            for line in $found
                echo -- $kept$line
            end
    end
end

complete --command flowerpower --no-files --keep-order --arguments '(__flowerpower_complete)'
