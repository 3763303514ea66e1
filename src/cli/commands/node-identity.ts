// rackseed node identity | merge | forget-mac: by what a machine is told from others, and what a person says where that fails.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderOne, renderValue } from '../output.ts';

interface MergeOptions extends GlobalOptions {
  readonly yes?: true;
  readonly dropPorts?: true;
}

interface ForgetOptions extends GlobalOptions {
  readonly to?: string;
}

export function identityCommands(node: Command, context: CliContext): void {
  node
    .command('identity')
    .argument('<node>', 'UUID or name')
    .description('what tells it from others, and which node a discovered machine may be')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const found = asRecord(await withClient(context, options, (client) => client.get(`/api/nodes/${encodeURIComponent(id)}/identity`)));
      if (options.output !== 'table') return context.out(renderValue(found, options.output));
      const { mayBe, ...rest } = found;
      context.out(
        renderOne({ ...rest, mayBe: asList(mayBe).map((one) => `${String(one.name ?? one.uuid)}: ${String(one.reason)}`) }, 'table'),
      );
    });

  node
    .command('merge')
    .argument('<node>', 'UUID or name of the discovered machine')
    .argument('<into>', 'UUID or name of the node that it is')
    .option('--drop-ports', 'remove ports of that node which the machine did not report')
    .option('--yes', 'they are one machine: without this nothing is done')
    .description('say that a discovered machine is a known node, with a new mainboard for example: ports and identity go there')
    .action(async (id: string, into: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<MergeOptions>();
      if (options.yes !== true)
        throw fail('cli.usage', {
          message: `${id} would become ${into}, and no longer be a node of its own`,
          hint: `rackseed node identity ${id} shows what speaks for it. If they are one machine, say --yes.`,
        });
      const path = `/api/nodes/${encodeURIComponent(id)}/merge`;
      const body = { into, dropPorts: options.dropPorts === true };
      const { uuid, name, smbiosUuid } = asRecord(await withClient(context, options, (client) => client.send('POST', path, body)));
      context.out(renderOne({ uuid, name, smbiosUuid }, options.output));
    });

  node
    .command('forget-mac')
    .argument('<mac>', 'a network card that was seen in several machines')
    .option('--to <node>', 'UUID or name of the node whose port it is from now on')
    .description('a network card has its place for good: let it identify again')
    .action(async (mac: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ForgetOptions>();
      const to = options.to === undefined ? '' : `?to=${encodeURIComponent(options.to)}`;
      await withClient(context, options, (client) => client.send('DELETE', `/api/shared-macs/${encodeURIComponent(mac)}${to}`));
    });
}
