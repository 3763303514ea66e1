// The agent's entry on the machine: `node agent.mjs /dev/tty0 /dev/ttyS0`. Wires the session to the real machine and knows nothing else.
// What it says between look-up and heartbeats is session.ts; what it finds is facts/.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { DiskContents } from '../inspect/disk-contents.ts';
import { cleanSmbiosUuid } from '../inspect/identity.ts';
import type { Disk } from '../inspect/inventory.ts';
import { messageOf, parseMac, RackseedError, type Run, runProgram, systemClock, systemRandom } from '../lib/index.ts';
import { createClient } from './client.ts';
import { type BootWords, parseCommandLine } from './command-line.ts';
import { createHandlers } from './commands/index.ts';
import { createEyes } from './disks/eyes.ts';
import { resolveDisks } from './disks/resolve.ts';
import { findUses } from './disks/uses.ts';
import { openDownload } from './download.ts';
import { fail } from './errors.ts';
import { gatherDmi, gatherInterfaces, gatherInventory, listSettledDisks } from './facts/gather.ts';
import { canReach } from './facts/interfaces.ts';
import { createNeighbours } from './facts/lldp.ts';
import { PinnedAgent } from './pinned-agent.ts';
import { openScreen, type Screen } from './screen.ts';
import { type Memory, runSession, type SessionParts } from './session.ts';

const RUN_DIRECTORY = '/run/rackseed';
const VERSION_FILE = '/usr/lib/rackseed/version';
const SETTLE_SECONDS = 60;
const ADDRESS_WAIT_MS = 60_000;
const ADDRESS_LOOK_MS = 200;

async function main(consoles: readonly string[]): Promise<void> {
  const screen = openScreen(consoles, (line) => void process.stdout.write(`${line}\n`));
  screen.mark(`agent uptime=${uptime().toFixed(1)}`);
  try {
    const words = parseCommandLine(await readFile('/proc/cmdline', 'utf8'));
    const version = (await readFile(VERSION_FILE, 'utf8')).trim();
    screen.say(`RACKSEED agent ${version}: this machine was started over the network to be looked at. Its disks are not touched.`);
    await settle(runProgram);
    await waitForAddress(words.url, screen);
    await runSession(partsOf(words, version, screen), new AbortController().signal);
  } catch (error) {
    if (!(error instanceof RackseedError)) throw error;
    screen.say(`RACKSEED agent: ${error.message}${error.hint === undefined ? '' : `. ${error.hint}`}`);
    process.exitCode = 1;
  }
}

function partsOf(words: BootWords, agentVersion: string, screen: Screen): SessionParts {
  const [agent, downloads] = words.fingerprint === null ? [] : [new PinnedAgent(words.fingerprint), new PinnedAgent(words.fingerprint)];
  const eyes = createEyes({ clock: systemClock });
  const applianceClock = createApplianceClock();
  const neighbours = createNeighbours({ run: runProgram, directory: RUN_DIRECTORY, signal: new AbortController().signal });
  let isListening = false;
  const more = { applianceMs: () => applianceClock.now(), listening: () => neighbours.take() };
  const looking = {
    disks: () => listSettledDisks(runProgram, (what, error) => screen.say(`${what}: ${messageOf(error)}`)),
    uses: (disks: readonly Disk[]) => findUses(disks, { root: '/', partitionUuids: async (disk) => partitionUuids(await eyes.look(disk)) }),
  };
  return {
    url: words.url,
    secret: words.secret,
    agentVersion,
    client: createClient(words.url, agent, (date) => applianceClock.heard(date)),
    clock: systemClock,
    random: systemRandom,
    say: screen.say,
    mark: screen.mark,
    identity: identify,
    handlers: createHandlers(),
    tools: { run: runProgram, resolve: (refs, isResumed) => resolveDisks(refs, { ...looking, look: eyes.look, isResumed }) },
    open: (url, options, token) => openDownload(url, options, { appliance: words.url, agent: downloads, token }),
    inventory: async () => {
      const request = await gatherInventory(runProgram, words, eyes.lookAll, more);
      // Those without a cable have nobody to hear; what is heard is reported by another inventory.
      if (!isListening) neighbours.listen(request.inventory.interfaces.filter((port) => port.has_carrier).map((port) => port.name));
      isListening = true;
      return request;
    },
    hasNewFacts: () => neighbours.hasNews,
    uptimeSeconds: uptime,
    memory: createMemory(screen),
  };
}

/** The appliance's clock as it shows now, by what it last said and how long ago that was. */
function createApplianceClock(): { now(): number | undefined; heard(date: string): void } {
  let last: { readonly shown: number; readonly at: number } | undefined;
  return {
    now: () => (last === undefined ? undefined : last.shown + systemClock.monotonic() - last.at),
    heard: (date) => {
      const shown = Date.parse(date);
      if (Number.isFinite(shown)) last = { shown, at: systemClock.monotonic() };
    },
  };
}

async function identify(): ReturnType<SessionParts['identity']> {
  const [interfaces, dmi] = await Promise.all([gatherInterfaces(), gatherDmi()]);
  const macs = interfaces.flatMap((port) => parseMac(port.mac_address) ?? []);
  if (macs.length === 0)
    throw fail('agent.unreachable', { message: 'this machine has no network port that the discovery system has a driver for' });
  return { macs, smbiosUuid: cleanSmbiosUuid(dmi.product_uuid) };
}

/** Until the drivers of everything that was found at boot are loaded; a device that hangs costs a minute, not the discovery. */
async function settle(run: Run): Promise<void> {
  await run('udevadm', ['settle', `--timeout=${SETTLE_SECONDS}`], { timeoutMs: (SETTLE_SECONDS + 5) * 1000 });
}

/** The first look-up would fail at once without an address, and then wait longer than the lease takes. */
async function waitForAddress(url: URL, screen: Screen): Promise<void> {
  const begun = systemClock.monotonic();
  for (let looks = 0; systemClock.monotonic() - begun < ADDRESS_WAIT_MS; looks += 1) {
    if (canReach(url, await gatherInterfaces())) return;
    if (looks === 0) screen.say('Waiting for an address on every network port.');
    await systemClock.sleep(ADDRESS_LOOK_MS);
  }
  screen.say('No network port got an address within a minute; still trying. Is a cable plugged in?');
}

function partitionUuids({ partitions }: DiskContents): readonly string[] {
  return partitions.flatMap(({ uuid }) => uuid ?? []);
}

/** In memory only: /run is a tmpfs, and a boot gets a new secret. Saves one after the other, the last of those that wait. */
function createMemory({ say }: Screen): SessionParts['memory'] {
  const path = join(RUN_DIRECTORY, 'session.json');
  let last: Promise<void> = Promise.resolve();
  return {
    load: async () => {
      try {
        return JSON.parse(await readFile(path, 'utf8')) as Memory; // our own file, renamed into place whole
      } catch {
        return undefined; // the first start since boot
      }
    },
    save: (memory) => {
      last = last
        .then(async () => {
          await mkdir(RUN_DIRECTORY, { recursive: true });
          await writeFile(`${path}.new`, JSON.stringify(memory), { mode: 0o600 });
          await rename(`${path}.new`, path);
        })
        // Then a crash of the agent forgets more than it should; no reason to end it here.
        .catch((error: unknown) => say(`${path}: ${messageOf(error)}`));
      return last;
    },
  };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
  process.exitCode = 1;
});
