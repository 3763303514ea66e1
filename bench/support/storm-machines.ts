// Simulated machines that boot all at once, as a process of its own: storm-machines.ts COUNT SERVER RELAY KERNEL-BYTES INITRD-BYTES.
// Each does what firmware and iPXE do: DHCP, loader by TFTP, DHCP again as iPXE, scripts, kernel and RAM system by HTTP. The last line
// of standard output is JSON.

import { type DhcpRelay, openDhcpRelay } from './storm-dhcp.ts';
import { fetchHttp, fetchTftp } from './storm-fetch.ts';

const [countWord, server = '', relay = '', kernelWord, initrdWord] = process.argv.slice(2);
const [count, kernelBytes, initrdBytes] = [Number(countWord), Number(kernelWord), Number(initrdWord)];
const SCRIPTS_MAX = 4;

const dhcp = await openDhcpRelay(server, relay);
await dhcp.untilAnswered(Buffer.from([0x52, 0x54, 0x00, 0x5f, 0, 0]));
const start = performance.now();
const phases: Record<string, number[]> = { address: [], loader: [], again: [], script: [], files: [] };
const failures: string[] = [];

await Promise.all(
  Array.from({ length: count }, (_, index) =>
    boot(dhcp, index).catch((thrown: unknown) => void failures.push(`machine ${index}: ${String(thrown)}`)),
  ),
);
const seconds = (performance.now() - start) / 1000;
dhcp.close();
const { user, system } = process.cpuUsage();
const last = Object.fromEntries(Object.entries(phases).map(([name, times]) => [name, Math.round(Math.max(0, ...times)) / 1000]));
process.stdout.write(
  `${JSON.stringify({ seconds, failed: failures.length, failures: failures.slice(0, 3), repeats: dhcp.repeats(), cpuSeconds: (user + system) / 1e6, last })}\n`,
);

async function boot(wire: DhcpRelay, index: number): Promise<void> {
  const mac = Buffer.from([0x52, 0x54, 0x00, 0x5e, index >> 8, index & 255]);
  const reached = (phase: string): void => void phases[phase]?.push(performance.now() - start);
  const firmware = await wire.exchange(mac, false);
  reached('address');
  await fetchTftp(firmware.address, firmware.nextServer, firmware.bootFile);
  reached('loader');
  const ipxe = await wire.exchange(mac, true);
  reached('again');
  const { kernel, initrd } = await runScripts(ipxe.address, ipxe.bootFile, mac);
  reached('script');
  for (const [url, bytes] of [
    [kernel, kernelBytes],
    [initrd, initrdBytes],
  ] as const) {
    const fetched = await fetchHttp(ipxe.address, url);
    if (fetched.bytes !== bytes) throw new Error(`${url}: ${fetched.bytes} bytes, not ${bytes}`);
  }
  reached('files');
}

/** The little of iPXE that is needed: follow `chain`, and take the URLs of `kernel` and `initrd`. */
async function runScripts(address: string, first: string, mac: Buffer): Promise<{ readonly kernel: string; readonly initrd: string }> {
  let url = first;
  for (let script = 0; script < SCRIPTS_MAX; script += 1) {
    const { text } = await fetchHttp(address, url);
    const kernel = /^kernel\s+(http\S+)/m.exec(text)?.[1];
    const initrd = /^initrd\s.*?(http\S+)/m.exec(text)?.[1];
    if (kernel !== undefined && initrd !== undefined) return { kernel, initrd };
    const next = /^chain\s.*?(http\S+)/m.exec(text)?.[1];
    if (next === undefined) throw new Error(`a script that boots nothing: ${text.slice(0, 600)}`);
    url = next.replace(/\$\{([^}]*)\}/g, (_, name: string) => settingOf(name, mac));
  }
  throw new Error(`more than ${SCRIPTS_MAX} scripts after another`);
}

function settingOf(name: string, mac: Buffer): string {
  const hex = [...mac].map((byte) => byte.toString(16).padStart(2, '0'));
  const known: Readonly<Record<string, string>> = {
    'netX/mac:hexhyp': hex.join('-'),
    uuid: `00000000-0000-0000-0000-${hex.join('')}`,
    platform: 'efi',
    buildarch: 'x86_64',
  };
  return known[name] ?? '';
}
