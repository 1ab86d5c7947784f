# countersign.fish - fish completion of the operator tool.
# SPDX-License-Identifier: Apache-2.0
#
# Commands and options are asked of the tool itself, so the two cannot differ.

function __countersign_all
    countersign --help 2>/dev/null |
        sed -n 's/^  \([a-z][a-z ]*[a-z]\)\( .*\)\{0,1\}$/\1/p' |
        sed 's/  .*//'
end

function __countersign_complete
    set -l words (commandline -opc)
    set -l now (commandline -ct)
    set -l all (__countersign_all)
    if test (count $words) -eq 1
        string replace -r ' .*' '' -- $all | sort -u
        printf '%s\n' --help --version
        return
    end
    set -l name $words[2]
    set -l seconds (string replace -rf "^$name " '' -- $all)
    if test (count $seconds) -gt 0
        if test (count $words) -eq 2
            printf '%s\n' $seconds
            return
        end
        set name $name $words[3]
    end
    switch $words[-1]
        case --use
            printf '%s\n' approver proposer root people policy device timestamp
        case --profile
            printf '%s\n' observe repair full
        case lockdown
            printf '%s\n' on off
        case '*'
            if string match -q -- '-*' $now
                countersign $name --help 2>/dev/null |
                    sed -n 's/^  \(--[a-z-]*\).*/\1/p'
            else
                __fish_complete_path $now
            end
    end
end

complete -c countersign -f -a '(__countersign_complete)'
