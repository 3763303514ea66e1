// rackseed image add | show | verify | remove: installers of the appliance. What it lists is in image.ts; the files go through the API.

import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { RackseedError } from '../../lib/index.ts';
import type { Client } from '../client.ts';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { renderList, renderOne, time } from '../output.ts';
import { upload } from './image-upload.ts';
import { type ProgressLine, progressLine } from './progress.ts';

type Row = Readonly<Record<string, unknown>>;

interface AddOptions extends GlobalOptions {
  readonly checksum?: string;
  readonly name?: string;
  readonly there?: true;
  readonly resume?: string;
}

const INSTALLERS = '/api/installers';
const POLL_MS = 500;

const ADD_HELP = `
The ISO of Proxmox VE, Backup Server, Mail Gateway or Datacenter Manager, as it was loaded. A FILE of this machine is sent to
the appliance; a URL is fetched by the appliance, and needs the SHA-256 of the download page:
  rackseed image add proxmox-ve_9.1-1.iso
  rackseed image add https://example.org/proxmox-ve_9.1-1.iso --checksum sha256:6d8f...
`;

export function installerCommands(image: Command, context: CliContext): void {
  image
    .command('add')
    .argument('<file-or-url>', 'an installer ISO')
    .option('--checksum <sha256>', 'what its SHA-256 must be; needed for a URL')
    .option('--name <name>', 'what it is called; by default by product and release')
    .option('--there', 'the path is one on the appliance: nothing is sent')
    .option('--resume <id>', 'go on with an upload that broke off')
    .description('import an installer ISO')
    .addHelpText('after', ADD_HELP)
    .action(async (source: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<AddOptions>();
      const installer = await withClient(context, options, (client) => add(client, context, source, options));
      context.out(renderOne(shown(installer, options), options.output));
      if (typeof installer.problem === 'string') context.err(`It can't be used yet: ${installer.problem}\n`);
    });

  image
    .command('show')
    .argument('<name>', 'name, id, or the beginning of its id')
    .description('an installer with its files')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const installer = asRecord(await withClient(context, options, (client) => client.get(pathOf(name))));
      context.out(renderOne(shown(installer, options), options.output));
    });

  image
    .command('verify')
    .argument('[name]', 'name or id; without it all')
    .description('read installers and compare them with what they were; what has changed is not used any more')
    .action(async (name: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const results = await withClient(context, options, (client) => verify(client, context, name));
      context.out(renderList(results, VERIFY_COLUMNS, options.output));
      const broken = results.find(({ error }) => error !== null)?.error;
      if (broken !== undefined && broken !== null) throw taskError(broken);
    });

  image
    .command('remove')
    .argument('<name>', 'name or id')
    .option('--yes', 'do not ask')
    .description('remove an installer, unless a machine is being installed with it')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly yes?: true }>();
      await withClient(context, options, async (client) => {
        const installer = asRecord(await client.get(pathOf(name)));
        if (options.yes !== true && !(await isMeant(context, String(installer.name)))) return;
        await client.send('DELETE', pathOf(String(installer.id)));
        context.err(`${String(installer.name)} is removed.\n`);
      });
    });
}

async function add(client: Client, context: CliContext, source: string, options: AddOptions): Promise<Row> {
  const sha256 = checksumOf(options.checksum);
  const line = progressLine(context);
  const rest = { ...(sha256 === undefined ? {} : { sha256 }), ...(options.name === undefined ? {} : { name: options.name }) };
  const place = await placeOf(client, context, source, { options, sha256, line });
  const { taskId } = asRecord(await client.send('POST', INSTALLERS, { ...place, ...rest }));
  await followed(client, context, String(taskId), line);
  return asRecord(await client.get(`${INSTALLERS}/imports/${String(taskId)}`));
}

async function placeOf(
  client: Client,
  context: CliContext,
  source: string,
  { options, sha256, line }: { readonly options: AddOptions; readonly sha256: string | undefined; readonly line: ProgressLine },
): Promise<Row> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return { url: source };
  if (options.there === true) return { path: source };
  return { upload: await upload(client, context, { path: resolve(source), name: basename(source), sha256, id: options.resume }, line) };
}

/** To the end of the task, with its words. Throws what it failed with. */
async function followed(client: Client, context: CliContext, id: string, line: ProgressLine): Promise<void> {
  try {
    for (;;) {
      const task = asRecord(await client.get(`/api/tasks/${encodeURIComponent(id)}`));
      if (task.state === 'succeeded') return;
      if (task.state === 'failed' || task.state === 'cancelled') throw taskError(asRecord(task.error));
      const step = asList(task.steps).find(({ state }) => state !== 'done' && state !== 'skipped');
      const words = [step?.title, task.progressText].filter((one) => typeof one === 'string' && one !== '');
      line.show(typeof task.progress === 'number' ? task.progress : 0, words.join(': '));
      await context.clock.sleep(POLL_MS, context.signal);
    }
  } finally {
    line.clear();
  }
}

async function verify(
  client: Client,
  context: CliContext,
  name: string | undefined,
): Promise<{ readonly name: string; readonly error: Row | null }[]> {
  const all = name === undefined ? asList(asRecord(await client.get(INSTALLERS)).installers) : [asRecord(await client.get(pathOf(name)))];
  const results: { name: string; error: Row | null }[] = [];
  const line = progressLine(context);
  for (const installer of all) {
    const { taskId } = asRecord(await client.send('POST', `${pathOf(String(installer.id))}/verify`, {}));
    const error = await followed(client, context, String(taskId), line).then(
      () => null,
      (thrown: unknown) => {
        if (!(thrown instanceof RackseedError) || !thrown.code.startsWith('install.')) throw thrown;
        return { code: thrown.code, message: thrown.message, hint: thrown.hint };
      },
    );
    results.push({ name: String(installer.name), error });
  }
  return results;
}

async function isMeant(context: CliContext, name: string): Promise<boolean> {
  if (context.ask === undefined)
    throw fail('cli.usage', { message: `removing ${name} needs a yes`, hint: `Say it with: rackseed image remove ${name} --yes` });
  const said = await context.ask(`Remove ${name}? [y/N] `);
  if (/^y(?:es)?$/i.test(said.trim())) return true;
  context.err('Nothing is removed.\n');
  return false;
}

function checksumOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const hex = text.toLowerCase().replace(/^sha256:/, '');
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw fail('cli.usage', {
    message: `--checksum ${text} is no SHA-256`,
    hint: '64 hexadecimal digits, with or without "sha256:" before them.',
  });
}

function taskError({ code, message, hint }: Row): RackseedError {
  const details = {
    message: typeof message === 'string' ? message : 'it did not come to its end',
    ...(typeof hint === 'string' ? { hint } : {}),
  };
  return new RackseedError(typeof code === 'string' ? code : 'cli.api', { status: 500, about: 'passed on from a task' }, details);
}

function pathOf(name: string): string {
  return `${INSTALLERS}/${encodeURIComponent(name)}`;
}

/** For people the files on a line each; whole for programs. */
function shown({ iso, kernel, initrd, addedAt, ...rest }: Row, { output }: GlobalOptions): Row {
  if (output !== 'table') return { ...rest, iso, kernel, initrd, addedAt };
  const words = (value: unknown): string => {
    const { bytes, sha256 } = asRecord(value);
    return `${String(bytes)} bytes, sha256:${String(sha256)}`;
  };
  return { ...rest, iso: words(iso), kernel: words(kernel), initrd: words(initrd), 'added (UTC)': time(addedAt) };
}

const VERIFY_COLUMNS = [
  { title: 'NAME', value: (row: { readonly name: string }) => row.name },
  { title: 'RESULT', value: (row: { readonly error: Row | null }) => (row.error === null ? 'as it was' : row.error.message) },
];

/** For the list of all images; nothing and a word when there is no appliance to ask. */
export async function listedInstallers(context: CliContext, options: GlobalOptions): Promise<readonly Row[]> {
  try {
    return asList(asRecord(await withClient(context, options, (client) => client.get(INSTALLERS))).installers);
  } catch (thrown) {
    if (!(thrown instanceof RackseedError)) throw thrown;
    context.err(`Installers are not listed: ${thrown.message}\n`);
    return [];
  }
}
