// Is the address that an agent names for itself one that we shall ever call? Pure.

import { parseIpv4, parseIpv6, withoutMapping } from '../lib/index.ts';

export interface Callback {
  readonly url: string;
  /** Where the request came from. */
  readonly peer: string;
  /** The site has agents behind a proxy or address translation. */
  readonly mayBeElsewhere: boolean;
}

/** Undefined: fine. Else what is wrong, in Ironic's words where it has some. */
export function callbackRefusal({ url, peer, mayBeElsewhere }: Callback): string | undefined {
  // An agent that only reports and never listens, as an installer's.
  if (url === '') return undefined;
  const parsed = URL.parse(url);
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
    return 'An issue with the supplied "callback_url" has been detected.';
  if (mayBeElsewhere) return undefined;
  const host = addressOf(parsed.hostname.replace(/^\[|\]$/g, ''));
  // Otherwise whoever has a token makes the appliance call, with the token, whom they like.
  if (host !== undefined && host === addressOf(peer)) return undefined;
  return 'An issue with the supplied "callback_url" has been detected: its host is not the address that the heartbeat came from.';
}

function addressOf(text: string): string | undefined {
  const plain = withoutMapping(text.split('%')[0] ?? '');
  return parseIpv4(plain) ?? parseIpv6(plain);
}
