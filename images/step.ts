// Runs one program of the build and turns a bad end into an error that shows the program's last words.

import { messageOf, type Run, type RunOptions } from '../src/lib/index.ts';
import { fail, type IMAGES_ERRORS } from './errors.ts';

const LAST_WORDS_LINES = 12;

export interface Step {
  readonly command: string;
  readonly args: readonly string[];
  readonly what: string;
  readonly code: keyof typeof IMAGES_ERRORS;
  readonly hint: string;
}

/** Standard output of a program that must succeed. */
export async function runStep(run: Run, step: Step, options: RunOptions): Promise<string> {
  const result = await run(step.command, step.args, options).catch((error: unknown) => {
    throw fail(step.code, {
      message: `${step.what}: ${step.command} did not run to its end: ${messageOf(error)}`,
      hint: step.hint,
      cause: error,
    });
  });
  if (result.code === 0) return result.stdout;
  const words = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-LAST_WORDS_LINES).join('\n');
  throw fail(step.code, { message: `${step.what}: ${step.command} ended with code ${result.code}:\n${words}`, hint: step.hint });
}
