// `node images/build.ts [--cache DIR] [--refresh] [--arch arm64] [--free]`: makes the boot artefacts by hand and shows their sizes.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RackseedError, runProgram, systemClock } from '../src/lib/index.ts';
import { ARCHITECTURES, ensureArtefacts } from './index.ts';

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'amd64' },
    cache: { type: 'string' },
    free: { type: 'boolean', default: false },
    refresh: { type: 'boolean', default: false },
  },
});
const architecture = ARCHITECTURES.find((one) => one === values.arch);
if (architecture === undefined) throw new Error(`--arch ${values.arch}: choose one of ${ARCHITECTURES.join(', ')}`);
const cacheDir = values.cache ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rackseed');
const begun = systemClock.monotonic();
const seconds = (): string => ((systemClock.monotonic() - begun) / 1000).toFixed(1);
const log = (line: string): boolean => print(`[${seconds()} s] ${line}`);

try {
  const options = { cacheDir, log, run: runProgram, refresh: values.refresh, architecture, isFreeOnly: values.free };
  const { directory, files, manifest } = await ensureArtefacts(options);
  for (const { name, size, sha256 } of files) print(`${String(size).padStart(9)}  ${sha256.slice(0, 16)}  ${name}`);
  for (const { name, size, unpackedSize, seconds: made } of manifest.members)
    print(`${String(size).padStart(9)}  of the initrd: ${name} (${unpackedSize} unpacked, made in ${made} s)`);
  const { present, absent, without } = manifest.firmware;
  print(`firmware: ${present} files there, ${absent} not; drivers without any of theirs: ${without.join(', ') || 'none'}`);
  print(`${directory}: ready in ${seconds()} s`);
} catch (error) {
  if (!(error instanceof RackseedError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = 1;
}
