// One thing wrong (or worth a word) in the configuration, and how it reads. Knows nothing of how it was found.

import { RackseedError } from '../lib/index.ts';
import { type CONFIG_ERRORS, fail } from './errors.ts';

export interface Problem {
  /** The file as it was named, with line and column counted from 1; absent when the value is not from a file. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The environment variable, when the value is from there. */
  readonly variable?: string;
  /** As one would write it: dhcp.subnet[0].ranges. Empty for the file as a whole. */
  readonly key: string;
  /** The whole sentence, with what was expected and the nearest known word. */
  readonly message: string;
  readonly expected?: string;
  readonly nearest?: string;
}

/** Nobody reads more than this at once, and a wrong file must not fill a log. */
export const MAX_PROBLEMS = 100;

/** rackseed.toml:12: dhcp.mode: expected one of "off", "proxy", "full", got "ful". Did you mean "full"? */
export function formatProblem(problem: Problem): string {
  const place = problem.variable ?? (problem.line === undefined ? problem.file : `${problem.file ?? 'config'}:${problem.line}`);
  return [place, problem.key, problem.message].filter((part) => part !== undefined && part !== '').join(': ');
}

/** One line for each problem, in the order of the file. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n');
}

export function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || a.key.localeCompare(b.key);
}

/** All problems as one error. `total` says how many there were when only the first are listed. */
export function problemsError(
  code: keyof typeof CONFIG_ERRORS,
  problems: readonly Problem[],
  hint: string,
  cause?: unknown,
): RackseedError {
  const listed = problems.slice(0, MAX_PROBLEMS);
  const more = problems.length - listed.length;
  const lines = formatProblems(listed) + (more > 0 ? `\n… and ${more} more` : '');
  const message = problems.length === 1 ? lines : `The configuration has ${problems.length} problems:\n${lines}`;
  return fail(code, { message, hint, detail: { problems: listed, total: problems.length }, ...(cause === undefined ? {} : { cause }) });
}

/** The problems of an error that loadConfig threw; empty for any other. */
export function problemsOf(thrown: unknown): readonly Problem[] {
  if (!(thrown instanceof RackseedError) || !thrown.code.startsWith('config.') || !Array.isArray(thrown.detail?.problems)) return [];
  return thrown.detail.problems as Problem[]; // problemsError() is the only one that fills it under these codes
}
