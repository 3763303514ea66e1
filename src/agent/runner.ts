// Carries out the appliance's commands, one at a time and each id once, also over a crash of the agent; keeps what there is to say of them
// until it was heard. Knows no HTTP: the session asks what to say, and tells what was heard.

import { COMMANDS, type CommandName } from '../inspect/commands.ts';
import { type Answer, type Command, type Note, PROTOCOL_LIMITS, type Running } from '../inspect/protocol.ts';
import { type Clock, messageOf } from '../lib/index.ts';
import type { CommandContext, CommandHandlers, Done } from './commands/types.ts';
import { CommandRefused } from './commands/types.ts';
import { createLog, createNotes, type Journal, oneLine } from './journal.ts';
import { decideCommand, failureOf, isWorthSaying } from './runner-decide.ts';

/** Survives a crash of the agent, not a boot. */
export interface RunnerMemory {
  readonly seen: readonly string[];
  readonly running: { readonly id: string; readonly name: string; readonly text: string } | null;
  readonly answers: readonly Answer[];
}

/** As CommandContext has it, of an order that another agent began, or not. */
export type ResolveFor = (refs: Parameters<CommandContext['resolve']>[0], isResumed: boolean) => ReturnType<CommandContext['resolve']>;

export interface RunnerParts {
  readonly agentVersion: string;
  readonly handlers: CommandHandlers;
  readonly tools: Pick<CommandContext, 'run' | 'random' | 'open' | 'report'> & { readonly resolve: ResolveFor };
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly mark: (words: string) => void;
  readonly memory: { readonly loaded: RunnerMemory | undefined; save(memory: RunnerMemory): Promise<void> };
  readonly signal: AbortSignal;
}

/** What a beat says of commands. */
export interface Report {
  readonly answers: readonly Answer[];
  readonly running: Running | null;
  readonly notes: readonly Note[];
  readonly lastLine: number;
  readonly lastNote: number;
}

export interface Runner {
  /** Resolves when it has begun or was refused. */
  accept(command: Command): Promise<void>;
  report(): Report;
  /** A beat with that report got its reply. */
  heard(report: Report): Promise<void>;
  /** Resolves when a command has ended, or with the signal: for waits that should not outlast it. */
  ended(signal: AbortSignal): Promise<void>;
  readonly isRunning: boolean;
  /** There is something to say that need not wait. */
  readonly hasNews: boolean;
}

interface Current {
  readonly id: string;
  readonly name: CommandName;
  readonly log: Journal<{ readonly stream: 'out' | 'err'; readonly line: string }>;
  fraction: number;
  text: string;
  said: { at: number; fraction: number };
  /** Set when it has ended: told when its log was. */
  answer?: Answer;
  leave?: (() => Promise<void>) | undefined;
}

const SEEN_MAX = 1000;
/** An appliance that does not hear that the machine is about to restart does not keep it from it for ever. */
const UNHEARD_END_MS = 60_000;

export function createRunner(parts: RunnerParts): Runner {
  const { clock, say, mark, agentVersion, memory } = parts;
  const seen = new Set(memory.loaded?.seen ?? []);
  const notes = createNotes();
  let answers: readonly Answer[] = recovered(memory.loaded);
  let current: Current | undefined;
  let end = Promise.withResolvers<void>();

  const running = (): Current | undefined => (current?.answer === undefined ? current : undefined);

  function save(): Promise<void> {
    const now = running();
    const told = current?.answer === undefined ? [] : [current.answer];
    return memory.save({
      seen: [...seen],
      running: now === undefined ? null : { id: now.id, name: now.name, text: now.text },
      answers: [...answers, ...told],
    });
  }

  async function accept(command: Command): Promise<void> {
    const unheard = new Set([...answers, ...(current?.answer === undefined ? [] : [current.answer])].map((one) => one.commandId));
    const has = (name: CommandName): boolean => parts.handlers[name] !== undefined;
    const decision = decideCommand(command, { agentVersion, seen, running: running(), unheard, has });
    if ('ignore' in decision) {
      mark(`ignored command=${oneWord(command.name)}`);
      return;
    }
    if ('refuse' in decision) {
      refuse(command, decision.refuse);
      await save();
      return;
    }
    await begin(command, decision.run, decision.args);
  }

  function refuse(command: Command, reason: string): void {
    remember(command.id);
    mark(`refused command=${oneWord(command.name)}`);
    say(`Refused: ${oneLine(reason)}`);
    answers = [...answers, { commandId: command.id, outcome: 'refused' as const, message: oneLine(reason) }].slice(
      -PROTOCOL_LIMITS.answers,
    );
  }

  function remember(id: string): void {
    seen.add(id);
    if (seen.size > SEEN_MAX) for (const oldest of [...seen].slice(0, 1)) seen.delete(oldest);
  }

  /** Written down before it begins: what dies in the middle is not begun again as if nothing had been. */
  async function begin(command: Command, name: CommandName, args: Readonly<Record<string, unknown>>): Promise<void> {
    const { title } = COMMANDS[name];
    const begun = clock.monotonic();
    const now: Current = { id: command.id, name, log: createLog(), fraction: 0, text: title, said: { at: begun, fraction: 0 } };
    remember(command.id);
    if (current?.answer !== undefined) answers = [...answers, current.answer];
    current = now;
    end = Promise.withResolvers();
    await save();
    mark(`command name=${name} id=${oneWord(command.id)}`);
    say(`Order from the appliance: ${title}${command.isResumed === true ? ' (begun before; looking first)' : ''}.`);
    void carryOut(now, args, contextOf(now, command)).then(async () => {
      const seconds = Math.round((clock.monotonic() - begun) / 1000);
      const { outcome, message } = now.answer ?? { outcome: 'failed', message: '' };
      mark(`command-${outcome} name=${name} id=${oneWord(command.id)}`);
      say(`${title}: ${outcome} after ${seconds} s. ${message}`);
      await save();
      if (now.leave !== undefined) void endAnyway(now);
      end.resolve();
    });
  }

  /** Sets now.answer; never rejects. */
  async function carryOut(now: Current, args: Readonly<Record<string, unknown>>, context: CommandContext): Promise<void> {
    // The table's types tie each handler to its own arguments, which were checked against that command's schema just before.
    const handler = parts.handlers[now.name] as unknown as (args: unknown, context: CommandContext) => Promise<Done<CommandName>>;
    try {
      const done = await handler(args, context);
      now.leave = done.leave;
      now.answer = answerOf(now.id, done);
    } catch (error) {
      const outcome = error instanceof CommandRefused ? 'refused' : 'failed';
      now.answer = { commandId: now.id, outcome, message: oneLine(failureOf(error)) };
    }
  }

  function contextOf(now: Current, command: Command): CommandContext {
    return {
      ...parts.tools,
      clock,
      say,
      signal: parts.signal,
      isResumed: command.isResumed === true,
      resolve: (refs) => parts.tools.resolve(refs, command.isResumed === true),
      log: (line, stream = 'out') => now.log.add({ stream, line: oneLine(line) }),
      note: (kind, line) => notes.add({ kind, line: oneLine(line) }),
      progress: (fraction, text) => {
        now.fraction = Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : now.fraction));
        now.text = oneLine(text);
        const at = clock.monotonic();
        if (!isWorthSaying(now.said, at, now.fraction)) return;
        now.said = { at, fraction: now.fraction };
        say(`${COMMANDS[now.name].title}: ${Math.floor(now.fraction * 100)} %, ${now.text}`);
      },
    };
  }

  async function endAnyway(now: Current): Promise<void> {
    await clock.sleep(UNHEARD_END_MS, parts.signal).catch(() => undefined); // the agent ends: nothing is left to do
    if (!parts.signal.aborted) await leave(now);
  }

  async function leave(now: Current): Promise<void> {
    const { leave: go } = now;
    now.leave = undefined;
    if (go === undefined) return;
    try {
      await go();
    } catch (error) {
      mark(`failed-to-leave command=${now.name}`);
      say(`${COMMANDS[now.name].title} did not work: ${messageOf(error)}`);
      notes.add({ kind: 'agent', line: oneLine(`${COMMANDS[now.name].title} did not work: ${messageOf(error)}`) });
    }
  }

  function report(): Report {
    const { entries: noteEntries, last: lastNote } = notes.next();
    const lines = current?.log.next();
    const isTold = current?.answer !== undefined && lines?.isAll === true;
    const room = PROTOCOL_LIMITS.answers - 1;
    return {
      answers: [...answers.slice(0, room), ...(isTold && current?.answer !== undefined ? [current.answer] : [])],
      running:
        current === undefined || (isTold && lines.entries.length === 0)
          ? null
          : { commandId: current.id, fraction: current.fraction, text: current.text, log: [...(lines?.entries ?? [])] },
      notes: noteEntries,
      lastLine: lines?.last ?? 0,
      lastNote,
    };
  }

  async function heard({ answers: told, running: said, lastLine, lastNote }: Report): Promise<void> {
    notes.heard(lastNote);
    if (said !== null && said.commandId === current?.id) current.log.heard(lastLine);
    if (told.length === 0) return;
    const ids = new Set(told.map((one) => one.commandId));
    answers = answers.filter((one) => !ids.has(one.commandId));
    const ended = current?.answer !== undefined && ids.has(current.id) ? current : undefined;
    if (ended !== undefined) current = undefined;
    await save();
    if (ended !== undefined) await leave(ended);
  }

  return {
    accept,
    report,
    heard,
    ended: (signal) => (running() === undefined || signal.aborted ? Promise.resolve() : Promise.race([end.promise, aborted(signal)])),
    get isRunning() {
      return running() !== undefined;
    },
    get hasNews() {
      return answers.length > 0 || current?.answer !== undefined || !notes.isEmpty;
    },
  };
}

/** What was under way when the agent died is not known to be whole. */
function recovered(memory: RunnerMemory | undefined): readonly Answer[] {
  const { answers = [], running = null } = memory ?? {};
  if (running === null) return answers;
  const message = oneLine(
    `the agent died while it carried out ${running.name} (${running.text}): look at the machine before it is ordered again`,
  );
  return [...answers, { commandId: running.id, outcome: 'failed', message }];
}

function answerOf(commandId: string, { message, result }: Done<CommandName>): Answer {
  const said = oneLine(message);
  if (Object.keys(result).length === 0) return { commandId, outcome: 'done', message: said };
  if (JSON.stringify(result).length <= PROTOCOL_LIMITS.resultBytes)
    return { commandId, outcome: 'done', message: said, result: { ...result } };
  return { commandId, outcome: 'done', message: oneLine(`${said} (what it found is too long to be sent)`) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Text of the appliance in a line of ours: without blanks it can't look like further words. */
export function oneWord(text: string): string {
  return text.replaceAll(/[\p{Cc}\s=]+/gu, '_').slice(0, 64);
}
