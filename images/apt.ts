// An apt of our own beside the host's: its own lists, status and downloads below the cache directory, signatures checked against
// Debian's archive keys. Needs no root and changes nothing on the host.

import { link, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run, RunOptions } from '../src/lib/index.ts';
import { fail } from './errors.ts';
import { DEBIAN_KEYRING } from './host.ts';
import { type AptSource, parseSimulation, parseStanzas, sourceLine } from './sources.ts';
import { runStep } from './step.ts';
import type { DebianPackage } from './types.ts';

const UPDATE_TIMEOUT_MS = 5 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 30 * 60_000;
const ASK_TIMEOUT_MS = 60_000;
const NETWORK_HINT = 'check that `apt-get update` works on this machine: the same mirror is used; then try again';

export interface Apt {
  /** Reads the archive's lists anew. */
  update(): Promise<void>;
  /** The package names that the lists have. */
  known(names: readonly string[]): Promise<readonly string[]>;
  /** What an installation of these on an empty system would download. */
  resolve(names: readonly string[]): Promise<readonly DebianPackage[]>;
  /** The newest version of one package, whatever it depends on. */
  newest(name: string): Promise<DebianPackage | undefined>;
  /** Downloads what resolve() said and links the wanted files into an empty directory. */
  download(names: readonly string[], wanted: readonly string[], into: string): Promise<void>;
  /** Downloads these packages alone, into the directory. */
  downloadAlone(names: readonly string[], into: string): Promise<void>;
  /** Forgets downloads that the lists no longer have. */
  clean(): Promise<void>;
}

export interface AptOptions {
  readonly directory: string;
  readonly sources: readonly AptSource[];
  readonly architecture: string;
  readonly run: Run;
  readonly options: RunOptions;
}

export async function openApt(settings: AptOptions): Promise<Apt> {
  const { directory, run } = settings;
  const archives = join(directory, 'cache/archives');
  await Promise.all(
    ['state/lists/partial', 'cache/archives/partial', 'etc/empty.d', 'etc/apt.conf.d'].map((name) =>
      mkdir(join(directory, name), { recursive: true }),
    ),
  );
  await writeFile(join(directory, 'status'), '');
  await writeFile(
    join(directory, 'etc/sources.list'),
    settings.sources.map((source) => `${sourceLine(source, DEBIAN_KEYRING)}\n`).join(''),
  );
  const acquire = await hostAcquireLines(run, settings.options);
  await writeFile(join(directory, 'apt.conf'), `${aptConfiguration(directory, settings.architecture)}${acquire}\n`);
  const context = { ...settings.options, env: { ...settings.options.env, APT_CONFIG: join(directory, 'apt.conf') } };
  const apt = (
    code: 'images.resolve_failed' | 'images.download_failed',
    what: string,
    args: readonly string[],
    options: RunOptions,
  ): Promise<string> => runStep(run, { command: 'apt-get', args, what, code, hint: NETWORK_HINT }, { ...context, ...options });
  const show = async (args: readonly string[]): Promise<readonly DebianPackage[]> => {
    const step = {
      command: 'apt-cache',
      args: ['show', ...args],
      what: 'reading package records',
      code: 'images.resolve_failed',
      hint: NETWORK_HINT,
    } as const;
    return parseStanzas(await runStep(run, step, { ...context, timeoutMs: ASK_TIMEOUT_MS }));
  };
  const install = ['install', '-y', '-qq', '--no-install-recommends'];
  return {
    async update() {
      await apt('images.resolve_failed', "reading Debian's package lists", ['update', '-qq', '--error-on=any'], {
        timeoutMs: UPDATE_TIMEOUT_MS,
      });
    },
    async known(names) {
      const listed = await run('apt-cache', ['pkgnames'], { ...context, timeoutMs: ASK_TIMEOUT_MS });
      const all = new Set(listed.stdout.split('\n'));
      return names.filter((name) => all.has(name));
    },
    async resolve(names) {
      const output = await apt('images.resolve_failed', 'resolving packages', [...install, '--simulate', ...names], {
        timeoutMs: ASK_TIMEOUT_MS,
      });
      return show(parseSimulation(output));
    },
    async newest(name) {
      return (await show(['--no-all-versions', name]))[0];
    },
    async download(names, wanted, into) {
      const args = [...install, '--download-only', ...names];
      await apt('images.download_failed', 'downloading packages', args, { timeoutMs: DOWNLOAD_TIMEOUT_MS });
      await mkdir(into, { recursive: true });
      const there = new Set(await readdir(archives));
      const missing = wanted.filter((name) => !there.has(name));
      if (missing.length > 0)
        throw fail('images.download_failed', {
          message: `apt downloaded other packages than it had resolved: ${missing.join(', ')} is missing`,
          hint: 'try again with --refresh',
        });
      await Promise.all(wanted.map((file) => link(join(archives, file), join(into, file))));
    },
    async downloadAlone(names, into) {
      await mkdir(into, { recursive: true });
      await apt('images.download_failed', 'downloading packages', ['download', '-qq', ...names], {
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
        cwd: into,
      });
    },
    async clean() {
      await apt('images.download_failed', 'removing old downloads', ['autoclean', '-qq'], { timeoutMs: ASK_TIMEOUT_MS });
    },
  };
}

/** Proxies, and what the host relaxed for a snapshot mirror: our apt must reach the mirror just as the host's does. */
async function hostAcquireLines(run: Run, options: RunOptions): Promise<string> {
  const dump = await run('apt-config', ['dump'], { ...options, timeoutMs: ASK_TIMEOUT_MS });
  return dump.stdout
    .split('\n')
    .filter((line) => /^Acquire::(?:https?(?:::|$)|Check-Valid-Until|Check-Date)/.test(line))
    .join('\n');
}

/** Set so that nothing of the host's own apt configuration, lists or packages is read. */
function aptConfiguration(directory: string, architecture: string): string {
  return `Dir "${directory}";
Dir::State "state";
Dir::State::status "${directory}/status";
Dir::Cache "cache";
Dir::Etc "etc";
Dir::Etc::sourcelist "sources.list";
Dir::Etc::sourceparts "empty.d";
Dir::Etc::preferences "no-preferences";
Dir::Etc::preferencesparts "empty.d";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "empty.d";
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
DPkg::Post-Invoke "";
APT::Update::Post-Invoke "";
APT::Update::Post-Invoke-Success "";
`;
}
