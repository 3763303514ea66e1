// rackseed serve: the appliance itself, in the foreground.

import type { Command } from 'commander';
import type { CliContext } from '../context.ts';

export function serveCommand(program: Command, context: CliContext): void {
  program
    .command('serve')
    .description('run the appliance in the foreground; Ctrl-C or SIGTERM ends it after what is under way')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG); without one it starts with defaults: API on, DHCP off')
    .action(async (options: { readonly config?: string }) => {
      await context.appliance.serve(options.config, context.signal);
    });
}
