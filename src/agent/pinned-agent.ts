// TLS to one server known by its certificate's fingerprint, which came with the boot script. The only place where Node's own check of
// certificates is off: the appliance's certificate is signed by nobody, the machine's clock may be years wrong, and the fingerprint says
// more than a name and a date could.

import { type AgentOptions, Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { fail } from './errors.ts';

const CONNECT_TIMEOUT_MS = 20_000;

type Connected = (error: Error | null, socket: Duplex) => void;

/** An agent for node:https whose sockets are handed to HTTP only after the peer has shown the pinned certificate. */
export class PinnedAgent extends HttpsAgent {
  readonly #fingerprint: string;

  constructor(fingerprint: string, options: AgentOptions = {}) {
    super({ keepAlive: true, maxSockets: 4, ...options });
    this.#fingerprint = fingerprint;
  }

  /** One connection outside of the pool: whoever reads it in its own way. */
  connect(options: object): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      this.createConnection(options, (error, socket) => (error === null ? resolve(socket) : reject(error)));
    });
  }

  /** Returns nothing and calls back: until then Node has no socket to write a request to. */
  override createConnection(options: RequestOptions, connected?: Connected): undefined {
    const socket = connect({
      ...(options as ConnectionOptions),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error(`no TLS connection within ${CONNECT_TIMEOUT_MS / 1000} s`)));
    const failed = (error: Error): void => connected?.(error, socket);
    socket.once('error', failed);
    socket.once('secureConnect', () => {
      socket.off('error', failed);
      socket.setTimeout(0);
      const mismatch = mismatchOf(socket, this.#fingerprint);
      if (mismatch === undefined) {
        connected?.(null, socket);
        return;
      }
      socket.destroy();
      connected?.(mismatch, socket);
    });
    return undefined;
  }
}

function mismatchOf(socket: TLSSocket, fingerprint: string): Error | undefined {
  // `fingerprint256` is the SHA-256 of the certificate's DER, as AA:BB:…; an anonymous peer has an empty object for a certificate.
  const seen: string | undefined = socket.getPeerCertificate().fingerprint256;
  const hex = (seen ?? '').replaceAll(':', '').toLowerCase();
  if (hex === fingerprint) return undefined;
  return fail('agent.certificate_mismatch', {
    message: `${socket.remoteAddress ?? 'the server'} showed the certificate ${hex.slice(0, 16)}… but the boot script named ${fingerprint.slice(0, 16)}…; nothing was sent`,
    hint: 'another machine answers at this address, or the appliance has a new certificate: boot this machine again',
  });
}
