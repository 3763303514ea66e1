// rackseed config …: the appliance's config, without an appliance.

import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { formatProblem, jsonSchema, listSettings, loadConfig, pipelineProblems, renderExample, type Setting } from '../../config/index.ts';
import { resource } from '../../lib/index.ts';
import { type CliContext, defaultDataDir, type GlobalOptions } from '../context.ts';
import { renderList, renderValue } from '../output.ts';

interface FileOptions extends GlobalOptions {
  readonly config?: string;
}

export function configCommand(program: Command, context: CliContext): void {
  const config = program.command('config').description('rackseed.toml: make, check and show it');
  const load = (path: string | undefined) => loadConfig({ path, env: context.env, defaults: { dataDir: defaultDataDir(context) } });

  config
    .command('check')
    .description('read the config and the environment as "serve" would, and name everything that is wrong')
    .addArgument(new Argument('[file]', 'the config; else --config or RACKSEED_CONFIG'))
    .option('-c, --config <file>', 'the config')
    .action(async (file: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<FileOptions>();
      const loaded = await load(file ?? options.config);
      const pipelines = [join(loaded.config.server.data_dir, 'pipelines'), join(resource('answer-files'), 'pipelines')];
      const warnings = [...loaded.warnings, ...(await pipelineProblems(loaded, pipelines))];
      for (const warning of warnings) context.err(`warning: ${formatProblem(warning)}\n`);
      if (options.output === 'table') context.out(`${loaded.path ?? 'No file: environment and defaults'}: the config is good.\n`);
      else context.out(renderValue({ path: loaded.path ?? null, ok: true, warnings }, options.output));
    });

  config
    .command('init')
    .description('print a commented config with every key and its default')
    .action(() => context.out(renderExample()));

  config
    .command('schema')
    .description('print the JSON Schema of the config, for editors')
    .action(() => context.out(renderValue(jsonSchema(), 'json')));

  config
    .command('show')
    .description('every setting in force, and where it comes from; secrets are references only')
    .option('-c, --config <file>', 'the config')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<FileOptions>();
      const settings = listSettings(await load(options.config));
      context.out(renderList(settings, SETTING_COLUMNS, options.output));
    });
}

const SETTING_COLUMNS = [
  { title: 'KEY', value: (row: Setting) => row.key },
  { title: 'VALUE', value: (row: Setting) => row.value },
  { title: 'FROM', value: (row: Setting) => row.origin },
];
