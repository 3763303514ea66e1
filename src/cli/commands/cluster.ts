// rackseed cluster …: clusters that ran before us. An import shows the certificate and what it would do, and asks for a yes to each.

import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { messageOf, systemCode } from '../../lib/index.ts';
import type { Client } from '../client.ts';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { fail } from '../errors.ts';
import { harmless, renderList, renderOne, renderValue } from '../output.ts';
import { clusterAddresses } from './cluster-addresses.ts';

interface ImportOptions extends GlobalOptions {
  readonly csv?: string;
  readonly fingerprint?: string;
  readonly tokenFile?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly name?: string;
  readonly skipBad?: true;
  readonly preview?: true;
  readonly yes?: true;
}

type Row = Readonly<Record<string, unknown>>;

export function clusterCommand(program: Command, context: CliContext): void {
  const cluster = program.command('cluster').description('clusters that ran before: taken into the inventory, and only observed');

  cluster
    .command('list')
    .description('clusters that were imported')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const rows = asList(asRecord(await withClient(context, options, (client) => client.get('/api/clusters'))).clusters);
      context.out(renderList(rows, COLUMNS, options.output));
      if (rows.length === 0 && options.output === 'table')
        context.err('No cluster was imported. Next step: rackseed cluster import https://MEMBER:8006 --token-file FILE\n');
    });

  cluster
    .command('show')
    .argument('<name>', 'name of the cluster')
    .description('one of them, with its members and the nodes that they are')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const answer = asRecord(await withClient(context, options, (client) => client.get(`/api/clusters/${encodeURIComponent(name)}`)));
      if (options.output !== 'table') return context.out(renderValue(answer, options.output));
      context.out(renderOne(asRecord(answer.cluster), 'table'));
      context.out(`\n${renderList(asList(answer.members), MEMBERS, 'table')}`);
    });

  cluster
    .command('release')
    .argument('<name>', 'name of the cluster')
    .argument('<node>', 'UUID or name of a node that is a member')
    .description('forget that a node is a member: it stays active and protected; no machine is touched')
    .action(async (name: string, node: string, _: unknown, command: Command) => {
      const path = `/api/clusters/${encodeURIComponent(name)}/members/${encodeURIComponent(node)}`;
      await withClient(context, command.optsWithGlobals<GlobalOptions>(), (client) => client.send('DELETE', path));
      context.err(`${harmless(node)} is no member of ${harmless(name)} any more, as far as is known here.\n`);
    });

  cluster
    .command('remove')
    .argument('<name>', 'name of the cluster')
    .description('forget the cluster: its nodes stay active and protected; no machine is touched')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      await withClient(context, options, (client) => client.send('DELETE', `/api/clusters/${encodeURIComponent(name)}`));
      context.err(`${harmless(name)} is forgotten; its nodes are as they were.\n`);
    });

  importCommand(cluster, context);
  clusterAddresses(cluster, context);
}

function importCommand(cluster: Command, context: CliContext): void {
  cluster
    .command('import')
    .argument('[url]', 'the API of any member of a Proxmox VE cluster: https://HOST:8006')
    .option('--csv <file>', 'instead of a URL: a table with the columns name, mac, uuid, address')
    .option('--fingerprint <sha256>', 'the certificate that the member must show; without it you are asked')
    .option('--token-file <file>', 'an API token, USER@REALM!NAME=SECRET (or in RACKSEED_PVE_TOKEN); - is standard input')
    .addOption(new Option('--user <user>', 'USER@REALM instead of a token, with a password').conflicts('tokenFile'))
    .option('--password-file <file>', 'its password (or in RACKSEED_PVE_PASSWORD); - is standard input')
    .option('--name <name>', 'what the cluster is called here')
    .option('--skip-bad', 'leave out bad rows and members in conflict, and import the others')
    .option('--preview', 'only show what would be done')
    .option('--yes', 'do not ask whether what is shown shall be done')
    .description('register the members of a running cluster: active, protected, only observed; they start their own disks as ever')
    .action(async (url: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<ImportOptions>();
      if ((url === undefined) === (options.csv === undefined))
        throw fail('cli.usage', { message: 'cluster import needs a URL or --csv', hint: 'rackseed cluster import --help' });
      await withClient(context, options, async (client) => {
        const source = url === undefined ? await ofFile(options) : await ofApi(context, client, url, options);
        if (source !== undefined) await importFrom(context, client, source, options);
      });
    });
}

async function importFrom(context: CliContext, client: Client, source: Row, options: ImportOptions): Promise<void> {
  const { name, skipBad } = options;
  const body = { ...source, ...(name === undefined ? {} : { name }), ...(skipBad === true ? { skipBad } : {}) };
  const seen = asRecord(await client.send('POST', IMPORT, body));
  if (options.preview === true) return show(context, seen, options);
  if (options.yes !== true) {
    if (context.ask === undefined) throw nobodyThere('the import needs a yes', 'Look at it with --preview, then say --yes.');
    context.err(harmless(tableOf(seen)));
    if (!(await saidYes(context, 'Type yes to import these: '))) return context.err('Not imported: nothing was done.\n');
  }
  show(context, asRecord(await client.send('POST', IMPORT, { ...body, confirm: seen.hash })), options);
}

const IMPORT = '/api/clusters/import';

function show(context: CliContext, answer: Row, { output }: GlobalOptions): void {
  context.out(output === 'table' ? tableOf(answer) : renderValue(answer, output));
}

function tableOf(answer: Row): string {
  const { step, name, version, url, members, missing, bad } = answer;
  const head = renderOne({ cluster: name, version, url, step: step === 'done' ? 'imported' : 'preview, nothing is done yet' }, 'table');
  const gone = Array.isArray(missing) ? missing.map((one) => `no longer a member: ${String(one)} (its node stays as it is)\n`) : [];
  const left = asList(bad).map((one) => `left out: line ${String(one.line)}, ${String(one.column)}: ${String(one.message)}\n`);
  return `${head}\n${renderList(asList(members), PREVIEW, 'table')}${[...gone, ...left].join('')}`;
}

/** Undefined: the person did not know the certificate. */
async function ofApi(context: CliContext, client: Client, url: string, options: ImportOptions): Promise<Row | undefined> {
  const credentials = await credentialsOf(context, options);
  if (options.fingerprint !== undefined) return { url, fingerprint: options.fingerprint, ...credentials };
  const { fingerprint, certificate } = asRecord(await client.send('POST', IMPORT, { url }));
  const { subject, issuer, validTo } = asRecord(certificate);
  const about = harmless(renderOne({ url, fingerprint, subject, issuer, 'valid to': validTo }, 'table'));
  if (context.ask === undefined) {
    context.err(about);
    throw nobodyThere(
      'its certificate needs a yes',
      `Compare it with what the node itself shows, then say --fingerprint ${String(fingerprint)}`,
    );
  }
  context.err(`${about}On the node: pvenode cert info\n`);
  if (await saidYes(context, 'Type yes if the node itself shows the same fingerprint: ')) return { url, fingerprint, ...credentials };
  context.err('Not imported: nothing was sent there.\n');
  return undefined;
}

async function credentialsOf(context: CliContext, { tokenFile, user, passwordFile }: ImportOptions): Promise<Row> {
  const { RACKSEED_PVE_TOKEN: token, RACKSEED_PVE_PASSWORD: password } = context.env;
  if (user === undefined) {
    const told = tokenFile === undefined ? token : await textIn(tokenFile, 'the token');
    if (told !== undefined && told !== '') return { token: told.trim() };
    throw fail('cli.usage', {
      message: 'cluster import needs an API token, or a user',
      hint: 'Name it with --token-file or in RACKSEED_PVE_TOKEN; or say --user USER@REALM.',
    });
  }
  const told = passwordFile === undefined ? password : await textIn(passwordFile, 'the password');
  if (told !== undefined && told !== '') return { username: user, password: told.replace(/\r?\n$/, '') };
  if (context.ask === undefined) throw nobodyThere(`${user} needs a password`, 'Name it with --password-file or in RACKSEED_PVE_PASSWORD.');
  return { username: user, password: await context.ask(`Password of ${user}: `, 'hidden') };
}

async function ofFile({ csv = '' }: ImportOptions): Promise<Row> {
  return { csv: await textIn(csv, 'a table of members') };
}

async function textIn(path: string, what: string): Promise<string> {
  try {
    return await readFile(path === '-' ? '/dev/stdin' : path, 'utf8');
  } catch (cause) {
    throw fail('cli.bad_file', {
      message: `${path} cannot be read (${systemCode(cause) ?? messageOf(cause)})`,
      hint: `Name a file that holds ${what}.`,
      cause,
    });
  }
}

async function saidYes({ ask }: CliContext, question: string): Promise<boolean> {
  return ((await ask?.(question)) ?? '').trim().toLowerCase() === 'yes';
}

function nobodyThere(what: string, hint: string): Error {
  return fail('cli.usage', { message: `nobody is there to be asked, and ${what}`, hint });
}

const COLUMNS = [
  { title: 'NAME', value: (row: Row) => row.name },
  { title: 'ORIGIN', value: (row: Row) => row.origin },
  { title: 'VERSION', value: (row: Row) => row.version },
  { title: 'MEMBERS', value: (row: Row) => row.memberCount },
  { title: 'OBSERVE ONLY', value: (row: Row) => (row.observeOnly === true ? 'yes' : 'no') },
  { title: 'URL', value: (row: Row) => row.apiUrl },
];

const MEMBERS = [
  { title: 'MEMBER', value: (row: Row) => row.member },
  { title: 'NODE', value: (row: Row) => row.node },
  { title: 'ADDRESSES', value: (row: Row) => listed(row.addresses) },
];

const PREVIEW = [
  { title: 'MEMBER', value: (row: Row) => row.member },
  { title: 'DOES', value: (row: Row) => row.action },
  { title: 'NODE', value: (row: Row) => row.node },
  { title: 'MACS', value: (row: Row) => listed(row.macs) },
  { title: 'REASON', value: (row: Row) => row.reason },
];

function listed(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(' ') : '';
}
