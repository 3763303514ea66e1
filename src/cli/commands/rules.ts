// rackseed rules …: what the [[rule]]s of the configuration would do.

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { messageOf, systemCode } from '../../lib/index.ts';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderList, renderOne, renderValue } from '../output.ts';

interface TestOptions extends GlobalOptions {
  readonly file?: string;
}

type Row = Readonly<Record<string, unknown>>;

export function rulesCommand(program: Command, context: CliContext): void {
  const rules = program.command('rules').description('which machines the rules of the configuration fit');

  rules
    .command('test')
    .argument('[node]', 'UUID or name of a machine that the agent has looked at')
    .option('--file <path>', 'an inventory as JSON instead: {"inventory": …, "pluginData": …}')
    .description('which rule would fit, and of the others why not; nothing is changed')
    .action(async (node: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<TestOptions>();
      if ((node === undefined) === (options.file === undefined))
        throw fail('cli.usage', { message: 'rules test needs a node or --file', hint: 'rackseed node list shows which nodes there are.' });
      const body = options.file === undefined ? { node } : await inventoryIn(options.file);
      const answer = asRecord(await withClient(context, options, (client) => client.send('POST', '/api/rules/test', body)));
      if (options.output !== 'table') return context.out(renderValue(answer, options.output));
      const { rules: traces, ...fields } = answer;
      context.out(renderOne(fields, 'table'));
      context.out(`\n${renderList(asList(traces), COLUMNS, 'table')}`);
    });
}

async function inventoryIn(path: string): Promise<object> {
  try {
    const { inventory, pluginData, plugin_data: plugged } = asRecord(JSON.parse(await readFile(path, 'utf8')));
    if (inventory === undefined) throw new TypeError('it has no "inventory"');
    return { inventory, pluginData: pluginData ?? plugged ?? {} };
  } catch (cause) {
    throw fail('cli.bad_file', {
      message: `${path} is no inventory (${systemCode(cause) ?? messageOf(cause)})`,
      hint: 'GET /v1/nodes/NODE/inventory gives one.',
      cause,
    });
  }
}

const COLUMNS = [
  { title: 'RULE', value: (row: Row) => row.rule },
  { title: 'FITS', value: (row: Row) => (row.fits === true ? 'yes' : 'no') },
  { title: 'REASON', value: (row: Row) => row.reason },
];
