/**
 * What bash, zsh and fish run when Tab is pressed on a line that begins with lintel: they hand the words to the program that
 * the line names and offer what it answers (completion.ts). Must not know what that is.
 */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export function shellScript(shell: Shell): string {
  switch (shell) {
    case "bash":
      return bash;
    case "zsh":
      return zsh;
    case "fish":
      return fish;
  }
}

// bash splits words at "=" and ":" as well, and replaces only what is behind the last of them: so the line is split here, at spaces,
// and what stands before is cut from the answers.
const bash = String.raw`# bash completion for lintel
_lintel() {
  local line="\${COMP_LINE:0:COMP_POINT}" kind word meaning current before
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  current="\${words[\${#words[@]}-1]}"
  before="\${current%"\${current##*[=:]}"}"
  COMPREPLY=()
  {
    read -r kind
    while IFS=$'\t' read -r word meaning; do
      COMPREPLY+=("\${word#"$before"}")
    done
  } < <("$1" completion answer -- "\${words[@]:1}" 2>/dev/null)
  case "$kind" in
    joined) compopt -o nospace 2>/dev/null ;;
    files) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null ;;
  esac
}
complete -F _lintel lintel
`.replaceAll("\\$", "$");

const zsh = String.raw`#compdef lintel
_lintel() {
  local kind line
  local -a lines names shown options
  lines=("\${(@f)$("\${words[1]}" completion answer -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  kind="\${lines[1]}"
  if [[ "$kind" == files ]]; then
    _files
    return
  fi
  [[ "$kind" == joined ]] && options=(-S '')
  for line in "\${(@)lines[2,-1]}"; do
    names+=("\${line%%$'\t'*}")
    shown+=("\${\${line%$'\t'}/$'\t'/  -- }")
  done
  (( \${#names} )) && compadd -l "\${(@)options}" -d shown -a names
}
if [[ "\${funcstack[1]}" == _lintel ]]; then
  _lintel "$@"
else
  compdef _lintel lintel
fi
`.replaceAll("\\$", "$");

const fish = String.raw`# fish completion for lintel
function __lintel_answer
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] completion answer -- $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = files
        __fish_complete_path "$current"
    else if set -q lines[2]
        printf '%s\n' $lines[2..-1]
    end
end
complete -c lintel -f -a '(__lintel_answer)'
`;
