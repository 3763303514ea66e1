// Whether a command is carried out, and what the screen says of it. Pure.

import { Errors } from 'typebox/value';
import { COMMANDS, type CommandName, isCommandName } from '../inspect/commands.ts';
import type { Command } from '../inspect/protocol.ts';
import { RackseedError } from '../lib/index.ts';

export interface Standing {
  readonly agentVersion: string;
  /** Commands of this boot, carried out or refused. */
  readonly seen: ReadonlySet<string>;
  /** That runs now. */
  readonly running: { readonly id: string; readonly name: string } | undefined;
  /** Commands whose answer the appliance has not heard yet. */
  readonly unheard: ReadonlySet<string>;
  readonly has: (name: CommandName) => boolean;
}

export type Decision =
  | { readonly run: CommandName; readonly args: Readonly<Record<string, unknown>> }
  | { readonly refuse: string }
  /** It runs, or its answer is on the way: saying anything else of it would be wrong. */
  | { readonly ignore: string };

export function decideCommand(command: Command, standing: Standing): Decision {
  const { id, name } = command;
  if (standing.running?.id === id) return { ignore: `command ${id} runs already` };
  if (standing.unheard.has(id)) return { ignore: `the answer to command ${id} is on its way` };
  if (standing.seen.has(id)) return { refuse: `command ${id} was given before and is not carried out twice` };
  if (standing.running !== undefined) return { refuse: `one command at a time: ${standing.running.name} (${standing.running.id}) runs` };
  if (!isCommandName(name) || !standing.has(name)) return { refuse: `agent ${standing.agentVersion} knows no command "${name}"` };
  const args = command.arguments ?? {};
  const wrong = firstWrong(name, args);
  return wrong === undefined ? { run: name, args } : { refuse: `${name}: ${wrong}` };
}

/** The first argument that is not as it must be, by its key; never its value, which may be a secret. */
function firstWrong(name: CommandName, args: unknown): string | undefined {
  const [error] = Errors(COMMANDS[name].args, args);
  if (error === undefined) return undefined;
  const key = error.instancePath.split('/').filter((part) => part !== '');
  const where = key.length === 0 ? 'its arguments' : `argument ${key.join('.')}`;
  // The schema of what may not be there is `false`.
  if (error.keyword === 'boolean') return `${where} is not known to it`;
  const missing = 'requiredProperties' in error.params ? [error.params.requiredProperties].flat() : [];
  const about = missing.filter((one) => typeof one === 'string').join(', ');
  return about === '' ? `${where} ${error.message}` : `${where} ${error.message}: ${about}`;
}

/** What the appliance and the screen are told of a failure: what happened and what to do next. */
export function failureOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof RackseedError ? error.hint : undefined;
  return hint === undefined ? message : `${message}. ${hint}`;
}

const SAY_EVERY_MS = 30_000;
const SAY_EVERY_FRACTION = 0.1;

/** Whether a person at the screen is told of progress now: half a minute apart, and a tenth done since. */
export function isWorthSaying(last: { readonly at: number; readonly fraction: number }, now: number, fraction: number): boolean {
  return now - last.at >= SAY_EVERY_MS && fraction - last.fraction >= SAY_EVERY_FRACTION;
}
