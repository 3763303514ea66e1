// pvesh: the API as root@pam of the machine itself. What begins a task waits for it and prints its log first.

import { type Ask, callApi } from '../api.ts';
import { ApiError } from '../errors.ts';
import type { Member, Task, World } from '../world.ts';
import { done, failed, type SimRan, split } from './words.ts';

const VERBS: Readonly<Record<string, string>> = { get: 'GET', create: 'POST', set: 'PUT', delete: 'DELETE' };
const FLAGS = ['noproxy', 'quiet', 'human-readable'];

export async function pvesh(world: World, member: Member, argv: readonly string[]): Promise<SimRan> {
  const { plain, options } = split(argv, FLAGS);
  const [command = '', path = ''] = plain;
  const verb = VERBS[command];
  if (verb === undefined || plain.length !== 2) return failed(`ERROR: unknown command 'pvesh ${plain.join(' ')}'`);
  const { 'output-format': format = 'text', quiet: _quiet, noproxy: _noproxy, 'human-readable': _human, ...params } = options;
  const ask: Ask = { verb, path: `/${path.replace(/^\/+|\/+$/g, '')}`, params };
  try {
    const data = await callApi(world, member, { user: 'root@pam' }, ask);
    const task = taskOf(world, data);
    if (task === undefined) return shown(data, format);
    await task.ended;
    // The last line of a log is not printed: a failure is said as such.
    const log = task.lines.slice(0, -1).map((line) => `${line}\n`);
    if (task.exitstatus !== 'OK') return failed(task.exitstatus ?? '', log.join(''));
    const { out, ...rest } = shown(data, format);
    return { ...rest, out: log.join('') + out };
  } catch (thrown) {
    // PVE::CLI::pvesh, extract_path_info: what there is not ends with 1.
    if (thrown instanceof ApiError) return { ...failed(refusalOf(thrown, command, path)), code: thrown.status === 501 ? 1 : 255 };
    throw thrown;
  }
}

/** A task that the simulator was told to lose is found by nobody, and not waited for. */
function taskOf(world: World, data: unknown): Task | undefined {
  if (typeof data !== 'string' || !data.startsWith('UPID:')) return undefined;
  return [...world.members.values()].map(({ tasks }) => tasks.get(data)).find((task) => task !== undefined);
}

function shown(data: unknown, format: string): SimRan {
  if (format === 'json') return done(data === null ? '' : JSON.stringify(data));
  if (format === 'json-pretty') return done(data === null ? '' : `${JSON.stringify(data, null, 3)}\n`);
  if (data === null) return done('');
  if (typeof data === 'object') return failed('the simulator prints no tables: ask for --output-format json');
  return done(`${typeof data === 'string' ? data : JSON.stringify(data)}\n`);
}

function refusalOf({ status, message, errors = {} }: ApiError, command: string, path: string): string {
  if (status === 501) return `No '${command}' handler defined for '${path}'`;
  if (status !== 400) return status === 500 ? message : `${status} ${message}`;
  const lines = Object.entries(errors).map(([name, why]) => `${name}: ${why}`);
  return ['400 Parameter verification failed.', ...lines, `pvesh ${command} <api_path> [OPTIONS] [FORMAT_OPTIONS]`].join('\n');
}
