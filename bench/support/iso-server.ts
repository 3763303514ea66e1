// The boot listener with one ISO, as it is and with one more file in it: iso-server.ts FILE. Says its port on standard output and runs
// until it is ended.

import { statSync } from 'node:fs';
import { createBootHttp, fileServable, type Servable } from '../../src/boot/index.ts';
import { addFile } from '../../src/install/iso/add-file.ts';
import { silentLog, systemClock } from '../../src/lib/index.ts';

const [path = ''] = process.argv.slice(2);
const file = { name: 'proxmox.iso', path, size: statSync(path).size, sha256: 'pristine' };
const added = { name: 'auto-installer-mode.toml', content: Buffer.from('mode = "http"\n') };
const virtual = await addFile({ path, bytes: file.size, sha256: file.sha256 }, added);
const plain = fileServable(file);
const overlay: Servable = { ...plain, size: virtual.bytes, etag: virtual.tag, path: null, open: () => virtual.open() };
const http = createBootHttp({
  host: '127.0.0.1',
  port: 0,
  files: new Map(),
  startScript: () => '',
  machineScript: () => Promise.resolve(''),
  installFile: (id) => Promise.resolve({ servable: id.startsWith('overlay') ? overlay : plain }),
  clock: systemClock,
  log: silentLog,
});
await http.start(AbortSignal.timeout(10_000));
process.stdout.write(`port ${http.port()} bytes ${plain.size} ${overlay.size}\n`);
