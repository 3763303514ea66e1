// The same calls as root on a member itself, by pvesh: for what no token may do, and before there is a token. Checked by the same table.

import { fail } from '../errors.ts';
import type { Pve, PveMethod, RootShell } from '../seam.ts';
import { type Encoded, encodeParams, type Params } from './params-decide.ts';
import { PVE_CALLS } from './table.ts';

const VERBS: Readonly<Record<PveMethod, string>> = { GET: 'get', POST: 'create', PUT: 'set', DELETE: 'delete' };

/**
 * Nothing is repeated: a connection that breaks is proxmox.shell_broke, and what pvesh refuses is proxmox.command_failed. What is of a node is
 * asked on that node: pvesh asks another by SSH, and fails after the deed on answers that are no JSON (PVE::CLI::pvesh, proxy_handler).
 */
export function pveByShell(shell: RootShell): Pve {
  return {
    address: shell.address,
    call: async (method, path, params = {}) => {
      const { words, secrets } = orderOf(method, path, params);
      return dataIn(await shell.must([...words, '--output-format', 'json'], { secrets }), { method, path, shell });
    },
    // pvesh waits for what it begins, prints its log as it grows, and ends as the task does.
    task: async (method, path, params, { timeoutMs, onLine }) => {
      const { words, secrets } = orderOf(method, path, params);
      await shell.must(words, { secrets, timeoutMs, ...(onLine === undefined ? {} : { onLine }) });
    },
  };
}

function orderOf(
  method: PveMethod,
  path: string,
  params: Params,
): { readonly words: readonly string[]; readonly secrets: readonly string[] } {
  const name = `${method} ${path}`;
  const call = Object.hasOwn(PVE_CALLS, name) ? PVE_CALLS[name] : undefined;
  if (call === undefined)
    throw fail('proxmox.unknown_call', {
      message: `${name.slice(0, 200)} is no call that we know`,
      hint: 'Paths are written with {placeholders}.',
    });
  const encoded = encodeParams(name, call, params);
  return {
    words: ['pvesh', VERBS[method], plainPath(encoded), ...encoded.form.flatMap(([key, value]) => optionOf(key, value))],
    secrets: encoded.secrets,
  };
}

/** A command line is not a URL. */
const plainPath = ({ path }: Encoded): string => decodeURIComponent(path);

/** Getopt::Long would take a value that begins with - for an option. */
function optionOf(key: string, value: string): readonly string[] {
  return value.startsWith('-') ? [`--${key}=${value}`] : [`--${key}`, value];
}

function lastLine(text: string): string | undefined {
  const line = text.slice(text.lastIndexOf('\n') + 1);
  return line.startsWith('"UPID:') ? line : undefined;
}

function dataIn(out: string, asked: { readonly method: string; readonly path: string; readonly shell: RootShell }): unknown {
  const text = out.trim();
  if (text === '') return null;
  const upid = lastLine(text);
  try {
    // What begins a task prints its log first.
    return JSON.parse(upid ?? text);
  } catch {
    throw fail('proxmox.bad_answer', {
      message: `pvesh on ${asked.shell.address} answers ${asked.method} ${asked.path} with something else than JSON`,
      hint: 'Is it a Proxmox VE node of version 8 or 9?',
    });
  }
}
