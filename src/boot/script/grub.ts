// The Secure Boot path's configurations by name: the first one for every machine, and each machine's own. Over HTTP GRUB takes the body
// of any answer for a script, so that a failure here is a script too. Knows no sockets.

import { type Log, messageOf, RackseedError } from '../../lib/index.ts';
import type { MachineBoot } from '../boot.ts';
import type { TextAnswer, TextRequest } from '../http/http.ts';
import { type GrubScripts, grubHttp, renderGrubError, renderGrubMachine, renderGrubStart } from './grub-render.ts';

export interface GrubOptions {
  readonly scripts: GrubScripts;
  readonly machineBoot: (query: URLSearchParams, serverAddress: string) => Promise<MachineBoot>;
  /** The URL of boot artefacts, as a machine reaches them at this address of ours. */
  readonly bootUrl: (serverAddress: string) => string;
  /** Where the boot listener is for machines that only know our address; null when it has a URL of its own. */
  readonly bootPort: number | null;
  /** EFI loaders on a machine's own disks, first to last. */
  readonly ownDisk: readonly string[];
  readonly log: Log;
}

export interface Grub {
  /** For the boot listener; undefined: no path of GRUB's. */
  text(request: Pick<TextRequest, 'path' | 'query' | 'serverAddress'>): Promise<TextAnswer | undefined>;
  /** For TFTP, where GRUB's folder is "grub"; undefined: no name of GRUB's. */
  file(name: string, serverAddress: () => Promise<string>): Promise<string | undefined>;
}

const MACHINE_FILE = /^grub\/machine\/([0-9A-Fa-f:-]{12,17})\/([0-9A-Za-z-]{0,36})\.cfg$/;

export function createGrub(options: GrubOptions): Grub {
  const { scripts, ownDisk } = options;

  async function machine(query: URLSearchParams, serverAddress: string): Promise<string> {
    try {
      return renderGrubMachine(scripts, await options.machineBoot(query, serverAddress));
    } catch (thrown) {
      options.log.warn({ mac: (query.get('mac') ?? '').slice(0, 40), error: messageOf(thrown) }, 'no GRUB configuration could be made');
      const reason = thrown instanceof RackseedError ? thrown.message : 'the appliance failed: see its log';
      return renderGrubError(scripts, { appliance: serverAddress, reason });
    }
  }

  /** HTTPS is beyond GRUB: then all goes by TFTP. */
  function startOverTftp(): string {
    const bootUrl = options.bootUrl('0.0.0.0'); // the address counts only where no URL is configured
    const http = options.bootPort !== null ? { port: options.bootPort } : grubHttp(bootUrl) === undefined ? null : { bootUrl };
    return renderGrubStart(scripts, { http, tftp: true, ownDisk });
  }

  return {
    async text({ path, query, serverAddress }) {
      const answer = (body: string): TextAnswer => ({ body, contentType: 'text/plain; charset=utf-8' });
      if (path === '/boot/grub/machine.cfg') return answer(await machine(query, serverAddress));
      // Started by UEFI HTTP boot, GRUB looks below /grub whatever folder it came from (measured: 2.12 of Debian 13).
      if (path === '/grub/grub.cfg')
        return answer(renderGrubStart(scripts, { http: { bootUrl: options.bootUrl(serverAddress) }, tftp: false, ownDisk }));
      return undefined;
    },

    async file(name, serverAddress) {
      if (name === 'grub/grub.cfg') return startOverTftp();
      const [, mac, uuid] = MACHINE_FILE.exec(name) ?? [];
      if (mac === undefined) return undefined;
      return machine(new URLSearchParams({ mac, uuid: uuid ?? '' }), await serverAddress());
    },
  };
}
