//! The completion script for bash: from version 3.2 on, without the bash-completion package.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cli::table::{Entry, Values};

/// In front of what the table says.
const BEGIN: &str = r#"# bash completion for nomad-restart

_nomad_restart() {
    local cur=${COMP_WORDS[COMP_CWORD]} option='' lead='' word generator=()
    COMPREPLY=()

    # Behind -- there are no options.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -- ]] && return
    done

    # Where the equals sign breaks words, which is the default, it is a word of its own.
    if [[ $cur == = ]]; then
        option=${COMP_WORDS[COMP_CWORD-1]} cur=''
    elif [[ ${COMP_WORDS[COMP_CWORD-1]} == = ]]; then
        option=${COMP_WORDS[COMP_CWORD-2]}
    elif [[ $cur == -*=* ]]; then
        option=${cur%%=*} cur=${cur#*=}
        # Before version 4 it breaks only what is replaced.
        [[ $COMP_WORDBREAKS == *=* ]] || lead=$option=
    fi
    # With an equals sign or without, an option that takes a value has it now.
    case ${option:-${COMP_WORDS[COMP_CWORD-1]}} in
"#;

/// Between values and options.
const MIDDLE: &str = r#"        *)
            [[ -z $option && $cur == -* ]] || return
            generator=(-W "$(printf '%s\n' \
"#;

const END: &str = r#"            )")
            ;;
    esac

    local IFS=$'\n'
    while read -r word; do
        COMPREPLY+=("$lead$word")
    done < <(compgen "${generator[@]}" -- "$cur")
    # A value follows at once. Older versions have no compopt, and a blank to be taken away.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == -*= ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

complete -F _nomad_restart nomad-restart
"#;

pub(super) fn script(entries: &[Entry<'_>]) -> String {
    let mut script = BEGIN.to_owned();
    for (generator, names) in generators(entries) {
        // Two dashes are as good as one.
        let patterns: Vec<_> = names
            .iter()
            .map(|name| format!("-{name} | --{name}"))
            .collect();
        let _ = writeln!(script, "        {})", patterns.join(" | "));
        let _ = writeln!(script, "            {generator}");
        script.push_str("            ;;\n");
    }
    script.push_str(MIDDLE);
    for entry in entries {
        let equals = if entry.value.is_some() { "=" } else { "" };
        let _ = writeln!(script, "                -{}{equals} \\", entry.name);
    }
    for (name, _) in super::requests() {
        let _ = writeln!(script, "                {name} \\");
    }
    script.push_str(END);
    script
}

/// What fills in a value, and the options with such values.
fn generators<'a>(entries: &'a [Entry<'a>]) -> BTreeMap<String, Vec<&'a str>> {
    let mut generators = BTreeMap::<_, Vec<_>>::new();
    for entry in entries {
        let generator = match entry.values() {
            Values::None => continue,
            Values::Words(words) => format!("generator=(-W $'{}')", words.join(r"\n")),
            Values::File => "generator=(-f) && compopt -o filenames 2>/dev/null".to_owned(),
            Values::Directory => "generator=(-d) && compopt -o filenames 2>/dev/null".to_owned(),
            Values::Free => "return".to_owned(),
        };
        generators.entry(generator).or_default().push(entry.name);
    }
    generators
}
