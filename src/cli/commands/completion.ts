// rackseed completion SHELL: a script made from the commands themselves, so that it can't fall behind them.

import { Argument, type Command } from 'commander';
import type { CliContext } from '../context.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function completionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print a completion script; for bash: source <(rackseed completion bash)')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .action((shell: Shell) => context.out(renderCompletion(program, shell)));
}

/** Each path of commands with the words that may follow it: '' → node, enrol …; 'node' → list, show … */
export function wordsOf(command: Command, path = ''): ReadonlyMap<string, readonly string[]> {
  const flags = command.options.map((option) => option.long).filter((flag) => flag !== null && flag !== undefined);
  const words = new Map([[path, [...command.commands.map((sub) => sub.name()), ...flags]]]);
  for (const sub of command.commands) {
    for (const [key, value] of wordsOf(sub, `${path} ${sub.name()}`.trim())) words.set(key, [...value]);
  }
  return words;
}

/** The options that are followed by a value, which is no command: -o json node … */
export function valueFlags(command: Command): readonly string[] {
  const own = command.options.filter((option) => option.required || option.optional).flatMap(({ short, long }) => [short, long]);
  const flags = [...own, ...command.commands.flatMap((sub) => valueFlags(sub))];
  return [...new Set(flags.filter((flag) => flag !== null && flag !== undefined))];
}

function renderCompletion(program: Command, shell: Shell): string {
  const words = wordsOf(program);
  if (shell === 'fish') return fish(words);
  const cases = [...words].map(([path, next]) => `    '${path}') words='${next.join(' ')}' ;;`).join('\n');
  const body = `_rackseed() {
  local path='' word words='' value=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$value" ]; then value=''; continue; fi
    case "$word" in
      ${valueFlags(program).join('|')}) value=1 ;;
      -*) ;;
      *) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _rackseed rackseed
`;
  return shell === 'bash' ? body : `autoload -U +X bashcompinit && bashcompinit\n${body}`;
}

function fish(words: ReadonlyMap<string, readonly string[]>): string {
  const lines = [...words].flatMap(([path, next]) => {
    const plain = next.filter((word) => !word.startsWith('-'));
    const when =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    return plain.length === 0 ? [] : [`complete -c rackseed -f -n '${when}' -a '${plain.join(' ')}'`];
  });
  return `${lines.join('\n')}\n`;
}
