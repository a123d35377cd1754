import type { Command } from 'commander'

/** A place in the tree of commands: what may be written there. */
interface Place {
  /** The commands that lead there, `tokens create`. */
  path: string
  words: { name: string; about: string; isOption: boolean }[]
}

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that teaches a shell the commands and options as they are in this version. */
export function completionFor(shell: Shell, program: Command): string {
  const places = placesOf(program, [])
  if (shell === 'fish') return fishScript(places)
  // zsh reads what is written for bash.
  return shell === 'zsh'
    ? `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(places)}`
    : bashScript(places)
}

function placesOf(command: Command, above: string[]): Place[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command).filter((one) => one.name() !== 'help')
  const options = help
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long == null ? [] : [{ long, description }]))
  const place: Place = {
    path: above.join(' '),
    words: [
      ...commands.map((one) => ({ name: one.name(), about: one.description(), isOption: false })),
      ...options.map(({ long, description }) => ({ name: long, about: description, isOption: true }))
    ]
  }
  return [place, ...commands.flatMap((one) => placesOf(one, [...above, one.name()]))]
}

function bashScript(places: Place[]): string {
  const cases = places.map(({ path, words }) => `    '${path}') echo '${words.map(({ name }) => name).join(' ')}' ;;`)
  return [
    '_slipway_words() {',
    '  case "$1" in',
    ...cases,
    '  esac',
    '}',
    '_slipway() {',
    '  local place="" word i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word="${COMP_WORDS[i]}"',
    '    [[ $word == -* ]] && continue',
    '    case " $(_slipway_words "$place") " in *" $word "*) place="${place:+$place }$word" ;; esac',
    '  done',
    '  COMPREPLY=($(compgen -W "$(_slipway_words "$place")" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _slipway slipway'
  ].join('\n')
}

function fishScript(places: Place[]): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = places.flatMap(({ path, words }) => {
    const seen = path.split(' ').filter((word) => word !== '')
    const commands = words.filter((one) => !one.isOption).map(({ name }) => name)
    const conditions = [
      ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
      ...(commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.join(' ')}`])
    ]
    const when = conditions.length === 0 ? '' : ` -n ${quoted(conditions.join('; and '))}`
    return words.map(({ name, about, isOption }) =>
      isOption
        ? `complete -c slipway${when} -l ${name.slice(2)} -d ${quoted(about)}`
        : `complete -c slipway -f${when} -a ${name} -d ${quoted(about)}`
    )
  })
  return lines.join('\n')
}
