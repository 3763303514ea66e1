// rackseed node password: the password of root that a node was installed with. Printed alone, so that it can go into a pipe.

import type { Command } from 'commander';
import { asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { harmless, renderOne } from '../output.ts';

export function nodePassword(node: Command, context: CliContext): void {
  node
    .command('password')
    .argument('<node>', 'UUID or name')
    .description('the password of root that the node was installed with; for administrators, and recorded')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const path = `/api/nodes/${encodeURIComponent(name)}/root-password`;
      const answer = asRecord(await withClient(context, options, (client) => client.get(path)));
      context.out(options.output === 'table' ? harmless(`${String(answer.password)}\n`) : renderOne(answer, options.output));
    });
}
