// rackseed store …: what an appliance keeps, worked on while it is stopped.

import type { Command } from 'commander';
import type { CliContext } from '../context.ts';

export function storeCommand(program: Command, context: CliContext): void {
  const store = program.command('store').description('the database of an appliance that is stopped');

  store
    .command('rotate-key')
    .description('make a new key, seal every stored secret with it, and drop the old one')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (options: { readonly config?: string }) => {
      await context.appliance.rotateStoreKey(options.config);
      context.err('The store has a new key. Replace the copy of the key file in your backup.\n');
    });
}
