// Root on a machine by SSH, as the pipeline has it: commands as lists of words, fixed scripts, files.

import { fail } from '../errors.ts';
import type { Ran, RootShell, RunOptions } from '../seam.ts';
import { type Collected, textOf } from './collect.ts';
import { redactionOf, shownCommand } from './command-codec.ts';
import { type Commands, createCommands, type Outcome } from './commands.ts';
import { type FileAccess, readRemote, writeRemote } from './files.ts';
import type { ShellOptions } from './link.ts';

export interface OpenedShell extends RootShell {
  /** Ends what is under way, on the machine too. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 120_000;
const OUTPUT_MAX_BYTES = 1024 * 1024;
const SAID_MAX = 2000;

/** Signs in before it gives the shell. Throws proxmox.not_trusted, .shell_denied, .shell_unreachable. */
export async function openShell(options: ShellOptions): Promise<OpenedShell> {
  const commands = createCommands(options);
  try {
    await commands.connect();
  } catch (thrown) {
    await commands.close();
    throw thrown;
  }
  return shellOver(commands, options);
}

function shellOver(commands: Commands, { address, random }: ShellOptions): OpenedShell {
  const started = (
    command: readonly string[],
    shown: readonly string[],
    more: RunOptions & { readonly maxBytes?: number },
  ): Promise<Outcome> => {
    const redact = redactionOf(more.secrets);
    return commands.execute({
      command,
      shown: shownCommand(shown, redact),
      input: more.input ?? '',
      timeoutMs: more.timeoutMs ?? TIMEOUT_MS,
      maxBytes: more.maxBytes ?? OUTPUT_MAX_BYTES,
      redact,
      onLine: more.onLine,
      signal: more.signal,
    });
  };
  const run = async (command: readonly string[], options: RunOptions = {}): Promise<Ran> => ranOf(await started(command, command, options));
  const scripted = (text: string, words: readonly string[], more: RunOptions & { readonly maxBytes?: number }): Promise<Outcome> =>
    started(['sh', '-eu', '-c', text, 'sh', ...words], ['sh', '-eu', '-c', titleOf(text), ...words], more);
  const files: FileAccess = {
    address,
    execute: async (script, words, more) => {
      const { code, signal, out, err } = await scripted(script, words, more);
      return { code, signal, out: out.bytes, err: textOf(err) };
    },
  };
  return {
    address,
    run,
    must: async (command, options = {}) => {
      const ran = await run(command, options);
      if (ran.code === 0) return ran.out;
      throw commandFailed(ran, { command, address, secrets: options.secrets ?? [] });
    },
    script: async (text, words, options = {}) => ranOf(await scripted(text, words, options)),
    readFile: (path, maxBytes) => readRemote(files, path, maxBytes),
    writeFile: (path, content, mode) => writeRemote(files, { path, content, mode, id: random.uuid() }),
    close: () => commands.close(),
  };
}

function ranOf({ code, signal, out, err }: Outcome): Ran {
  const isCut = [out, err].some(({ cutBytes }: Collected) => cutBytes > 0);
  return { code, signal, out: textOf(out), err: textOf(err), ...(isCut ? { isCut } : {}) };
}

/** The first line of a script says what it does. */
function titleOf(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

interface Failed {
  readonly command: readonly string[];
  readonly address: string;
  readonly secrets: readonly string[];
}

function commandFailed({ code, signal, out, err }: Ran, { command, address, secrets }: Failed): Error {
  const redact = redactionOf(secrets);
  const shown = shownCommand(command, redact);
  const said = redact(err.trim() === '' ? out : err).trim();
  const how = signal === null ? `code ${code}` : `signal ${signal}`;
  return fail('proxmox.command_failed', {
    message: `${shown} ended on ${address} with ${how}: ${said.slice(-SAID_MAX) || 'it said nothing'}`,
    hint: code === 127 ? 'Is that program installed there?' : 'What it says tells why; run by hand on the machine it may say more.',
    detail: { command: shown, code, signal },
  });
}
