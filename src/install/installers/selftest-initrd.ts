// Of an installer ISO: what its initrd does, as far as its /init says it in words that can be looked for.

import { CD_INFO_MAX_BYTES, parseCdInfo } from './cd-info-codec.ts';
import { entriesOfInitrd, type Initrd, InitrdFault, openInitrd } from './initrd.ts';
import type { IsoView } from './iso-view.ts';
import { editionOf, INITRD_PATH } from './recognise.ts';
import { type Put, some } from './selftest.ts';

const INIT_MAX_BYTES = 1024 * 1024;
const BY_HAND =
  'Look at /init in the initrd by hand before an installation; the machine would end in a shell with "no device with valid ISO found".';
const MODULES = ['loop', 'isofs', 'squashfs', 'overlay'] as const;

interface Seen {
  readonly init: string | undefined;
  readonly cdInfo: string | undefined;
  readonly modules: ReadonlySet<string>;
  readonly entries: number;
  readonly bytes: number;
}

export async function initrdFindings(view: IsoView, put: Put): Promise<void> {
  const initrd = await opened(view);
  put({
    id: 'initrd-packed',
    assumption: `/${INITRD_PATH} is made of archives (cpio newc), as they are or packed with zstd or gzip`,
    holds: typeof initrd !== 'string',
    found: typeof initrd === 'string' ? initrd : initrd.parts.map(({ kind, start, end }) => `${kind} (${end - start} bytes)`).join(', '),
    otherwise: 'It is not imported.',
    isNeeded: true,
  });
  const seen = typeof initrd === 'string' ? undefined : await look(initrd);
  if (typeof seen === 'string' || seen === undefined) {
    put({
      id: 'initrd-init',
      assumption: 'its /init can be read',
      holds: false,
      found: seen ?? 'not looked for',
      otherwise: BY_HAND,
      isNeeded: true,
    });
    return;
  }
  initWords(seen, put);
  const info = await editionOf(view, 'it');
  const own = seen.cdInfo === undefined ? 'it has none' : parseCdInfo(seen.cdInfo);
  put({
    id: 'initrd-cd-info',
    assumption: "the initrd has the ISO's /.cd-info, which its /init reads",
    holds: typeof own !== 'string' && typeof info !== 'string' && own.release === info.release && own.product === info.product,
    found: typeof own === 'string' ? own : `${own.product} ${own.release}-${own.isoRelease}`,
    otherwise: 'It may be the initrd of another release: compare the ISO with its checksum.',
    isNeeded: false,
  });
  const missing = MODULES.filter((name) => !seen.modules.has(name));
  put({
    id: 'initrd-modules',
    assumption: 'what mounts an ISO that lies in the RAM system is in the initrd, or in the kernel itself',
    holds: missing.length === 0 ? true : null,
    found:
      missing.length === 0
        ? `modules ${MODULES.join(', ')}`
        : `${seen.entries} entries, ${seen.bytes} bytes; no module ${some(missing)}: built into the kernel, or not there`,
    otherwise: 'Settled by the first installation.',
    isNeeded: false,
  });
}

function initWords({ init }: Seen, put: Put): void {
  const says = (id: string, assumption: string, words: readonly RegExp[], isNeeded: boolean): void => {
    const missing = words.filter((word) => init?.search(word) === -1 || init === undefined);
    const found =
      init === undefined ? 'it has no /init' : missing.length === 0 ? 'its words are there' : `not found: ${missing.map(String).join(' ')}`;
    put({ id, assumption, holds: missing.length === 0, found, otherwise: BY_HAND, isNeeded });
  };
  says('init-takes-proxmox-iso', '/init takes the file /proxmox.iso of the RAM system for its ISO', [/\/proxmox\.iso\b/], true);
  says('init-mounts-by-loop', '/init mounts it as iso9660 by a loop device', [/iso9660/, /\bloop\b/], true);
  says('init-reads-cd-info', '/init reads /.cd-info', [/\.cd-info/], false);
  says('init-scans-by-id', '/init looks for the id of /.pve-cd-id.txt on disks only when there is no such file', [/cd-id\.txt/], false);
  says('init-mounts-squashfs', '/init starts the system in the squashfs images', [/squashfs/, /overlay/, /switch_root/], false);
  says('init-unconfigured', '/init goes on to /sbin/unconfigured.sh, which starts the installer', [/unconfigured\.sh/], false);
}

async function opened(view: IsoView): Promise<Initrd | string> {
  const file = await view.file(INITRD_PATH);
  if (file === undefined) return `no /${INITRD_PATH}`;
  return faultAsText(() => openInitrd(file.readAt, file.bytes));
}

function look(initrd: Initrd): Promise<Seen | string> {
  return faultAsText(async () => {
    let [init, cdInfo]: (string | undefined)[] = [];
    let [entries, bytes] = [0, 0];
    const modules = new Set<string>();
    for await (const entry of entriesOfInitrd(initrd)) {
      entries += 1;
      bytes += entry.bytes;
      const [, module] = /\/(\w+)\.ko(?:\.(?:zst|xz|gz))?$/.exec(entry.name) ?? [];
      if (module !== undefined) modules.add(module);
      // The last one of a name is the one that is there in the end.
      if (entry.name === 'init') init = (await entry.read(INIT_MAX_BYTES)).toString('utf8');
      if (entry.name === '.cd-info') cdInfo = (await entry.read(CD_INFO_MAX_BYTES)).toString('utf8');
    }
    return { init, cdInfo, modules, entries, bytes };
  });
}

async function faultAsText<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof InitrdFault) return thrown.message;
    throw thrown;
  }
}
