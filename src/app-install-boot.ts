// Wiring of what machines load of an installer: from the record of installations and the imported ISOs to what the boot service asks. Has no
// rules of its own.

import { fileServable, type InstallFile, type Installs, type SendWatch, type WatchedServable } from './boot/index.ts';
import type { Config } from './config/index.ts';
import { type InstallBook, type Installer, type Installers, renderModeFile } from './install/index.ts';
import { type Log, messageOf, RackseedError } from './lib/index.ts';

export interface InstallBootParts {
  readonly config: { readonly install: Pick<Config['install'], 'console'> };
  readonly book: Pick<InstallBook, 'current' | 'byBootId' | 'countBoot' | 'fetched' | 'cameBack' | 'modeFile'>;
  readonly installers: Pick<Installers, 'find' | 'withModeFile'>;
  /** The ISO is being fetched: its installer will ask for its answer at this URL of ours. */
  readonly expectAnswer: (uuid: string, base: string) => void;
  /** A machine that runs its own system came by on its way there. */
  readonly started: (nodeUuid: string) => Promise<void>;
  /** The URL of the API, as a machine reaches it at this address of ours. */
  readonly apiUrl: (serverAddress: string) => string;
  readonly log: Log;
}

type Fetched = Parameters<InstallBook['fetched']>[1];
const FETCHED: Readonly<Record<InstallFile, Fetched>> = { vmlinuz: 'kernel', 'initrd.img': 'initrd', 'proxmox.iso': 'iso' };
/** Stages in which an installer may be loaded. */
const LOADING: readonly string[] = ['script', 'kernel', 'initrd', 'iso'];

export function installsOf(parts: InstallBootParts): Installs {
  const { book, installers, config } = parts;
  return {
    progress: async (nodeUuid) => (await book.current(nodeUuid)) ?? null,
    begin: async (nodeUuid) => {
      const current = await book.current(nodeUuid);
      if (current === undefined) return undefined;
      const { title, release, isoRelease, iso } = await installers.find(current.plan.installer);
      const isCounted = await book.countBoot(current.uuid).then(
        () => true,
        (thrown: unknown) => {
          if (thrown instanceof RackseedError && thrown.code === 'install.over') return false; // another question came first
          throw thrown;
        },
      );
      const named = `${title} ${release}-${isoRelease}`;
      return isCounted ? { bootId: current.bootId, title: named, bytes: iso.bytes, console: config.install.console ?? null } : undefined;
    },
    cameBack: async (nodeUuid, reason) => {
      const current = await book.current(nodeUuid);
      if (current !== undefined) await book.cameBack(current.uuid, reason);
    },
    started: (nodeUuid) => {
      parts.started(nodeUuid).catch((thrown: unknown) => {
        parts.log.warn({ node: nodeUuid, error: messageOf(thrown) }, 'how a machine started could not be compared with its boot order');
      });
    },
    file: async (bootId, name, serverAddress) => {
      const current = await book.byBootId(bootId);
      if (current === undefined || !LOADING.includes(current.stage)) return undefined;
      const servable = await servableOf(parts, { installation: current, name, serverAddress });
      return { servable, watch: watchOf(parts, { bootId, what: FETCHED[name], total: servable.size }) };
    },
  };
}

interface FileAsk {
  readonly installation: { readonly uuid: string; readonly plan: { readonly installer: string; readonly fqdn: string } };
  readonly name: InstallFile;
  readonly serverAddress: string;
}

async function servableOf(parts: InstallBootParts, { installation, name, serverAddress }: FileAsk): Promise<WatchedServable['servable']> {
  const { uuid, plan } = installation;
  const installer = await parts.installers.find(plan.installer);
  const title = `${plan.fqdn}/${name}`;
  if (name === 'vmlinuz') return partOf(installer.kernel, title);
  if (name === 'initrd.img') return partOf(installer.initrd, title);
  const base = parts.apiUrl(serverAddress);
  parts.expectAnswer(uuid, base);
  const mode = renderModeFile({ ...(await parts.book.modeFile(uuid, base)), release: installer.release });
  const iso = await parts.installers.withModeFile(installer, Buffer.from(mode));
  // No file of the disk has these bytes, so that nobody else can send them.
  return { name: title, size: iso.bytes, etag: iso.tag, contentType: 'application/octet-stream', path: null, open: () => iso.open() };
}

/** Sent by ourselves also where a proxy could: each fetch is a sign of how far the machine is. */
function partOf({ path, bytes, sha256 }: Installer['kernel'], name: string): WatchedServable['servable'] {
  return { ...fileServable({ name, path, size: bytes, sha256 }), path: null };
}

interface Watched {
  readonly bootId: string;
  readonly what: Fetched;
  readonly total: number;
}

/** Told in their order; a word that could not be stored is not worth a machine's download. */
function watchOf({ book, log }: InstallBootParts, { bootId, what, total }: Watched): SendWatch {
  let sent = 0;
  let told = -1;
  let isTelling = false;
  const tell = async (): Promise<void> => {
    if (isTelling) return;
    isTelling = true;
    try {
      while (told !== sent) {
        told = sent;
        await book.fetched(bootId, what, Math.min(sent, total), total);
      }
    } catch (thrown) {
      log.warn({ what, error: messageOf(thrown) }, 'how far an installer was fetched could not be stored');
    } finally {
      isTelling = false;
    }
  };
  return {
    add: (bytes) => {
      sent += bytes;
      void tell();
    },
    end: () => void tell(),
  };
}
