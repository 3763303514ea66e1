// rackseed image selftest: a real installer ISO held against what we take for granted about such. Needs no appliance.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RackseedError } from '../../lib/index.ts';
import type { CliContext, GlobalOptions } from '../context.ts';
import { fail } from '../errors.ts';
import { renderList } from '../output.ts';

export function selftestCommand(image: Command, context: CliContext): void {
  image
    .command('selftest')
    .argument('<iso>', 'a file of this machine')
    .description('hold an installer ISO against all that is taken for granted about such; exit code 1 if something needed does not hold')
    .action(async (path: string, _: unknown, command: Command) => {
      const { output } = command.optsWithGlobals<GlobalOptions>();
      // Loaded when it is asked for: no other command needs to know what an ISO is.
      const { selftestIso } = await import('../../install/index.ts');
      const findings = await selftestIso(resolve(path), { run: context.run, signal: context.signal }).catch((thrown: unknown) => {
        if (thrown instanceof RackseedError || !(thrown instanceof Error) || !('syscall' in thrown)) throw thrown;
        throw fail('cli.bad_file', { message: `${path}: ${thrown.message}`, hint: 'Give the path of an ISO.', cause: thrown });
      });
      context.out(renderList(findings, COLUMNS, output));
      const bad = findings.filter(({ result, isNeeded }) => result === 'fail' && isNeeded).map(({ id }) => id);
      if (bad.length === 0) return;
      throw fail('cli.selftest_failed', {
        message: `${bad.length === 1 ? 'something' : `${bad.length} things`} that installations rest on ${bad.length === 1 ? 'does' : 'do'} not hold: ${bad.join(', ')}`,
        hint: 'Compare the SHA-256 of the ISO; when it is the right one, this release is not understood yet: docs/unproven.md.',
      });
    });
}

interface Row {
  readonly id: string;
  readonly result: string;
  readonly assumption: string;
  readonly found: string;
  readonly otherwise: string;
}

const COLUMNS = [
  { title: 'RESULT', value: ({ result }: Row) => result },
  { title: 'ID', value: ({ id }: Row) => id },
  { title: 'ASSUMPTION', value: ({ assumption }: Row) => assumption },
  { title: 'FOUND', value: ({ found }: Row) => found },
  { title: 'WHAT FOLLOWS', value: ({ result, otherwise }: Row) => (result === 'pass' ? '' : otherwise) },
];
