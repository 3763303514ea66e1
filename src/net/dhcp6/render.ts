// Decisions into messages: which options an answer has (RFC 8415 §18.3, appendix B; RFC 5970). Pure.

import { type BootClientKind6, type BootOffer6, wants6 } from './client.ts';
import type { Message6 } from './codec.ts';
import { type Answer6, type AssociationAnswer, preferredOf, type Subnet6 } from './decide.ts';
import { getOption6, MESSAGE6, OPTIONS6, option6 } from './options.ts';
import type { Option6 } from './shapes.ts';

export interface ReplyPlan6 {
  readonly request: Message6;
  readonly answer: Answer6;
  readonly serverDuid: Uint8Array;
  readonly subnet: Subnet6 | null;
  readonly kind: BootClientKind6;
  readonly boot: BootOffer6 | null;
}

/** RFC 8415 §18.2.1: the client takes this offer at once instead of waiting a second for others. We are alone in full mode. */
const HIGHEST_PREFERENCE = 255;
/** How soon a stateless client asks again: boot settings change with the machine's state (RFC 8415 §21.23's smallest). */
const REFRESH_SECONDS = 600;

export function renderReply(plan: ReplyPlan6): Message6 {
  const { request, answer, serverDuid, subnet } = plan;
  const clientId = getOption6(request.options, 'clientId');
  const options: Option6[] = clientId === undefined ? [] : [option6('clientId', clientId)];
  options.push(option6('serverId', serverDuid));
  // Without a preference firmware waits for others as well, and takes a boot file of theirs.
  if (answer.kind === 'advertise' && answer.turnsAway !== true) options.push(option6('preference', HIGHEST_PREFERENCE));
  if (answer.isRapid === true) options.push(option6('rapidCommit', true));
  if (answer.status !== undefined) options.push(option6('statusCode', answer.status));
  options.push(...answer.associations.map((one) => renderAssociation(one, subnet)));
  if (answer.hasConfiguration) options.push(...configuration(plan), ...boot(plan));
  return { type: MESSAGE6[answer.kind], transactionId: request.transactionId, options };
}

function renderAssociation({ type, iaid, addresses, status }: AssociationAnswer, subnet: Subnet6 | null): Option6 {
  const inner: Option6[] = addresses.map((one) => option6('iaAddress', { ...one, options: [] }));
  if (status !== undefined) inner.push(option6('statusCode', status));
  if (type === 'iaTa') return option6('iaTa', { iaid, options: inner });
  const preferred = subnet === null || addresses.length === 0 ? 0 : preferredOf(subnet);
  const times = { renewSeconds: Math.floor(preferred / 2), rebindSeconds: Math.floor((preferred * 4) / 5) };
  return option6(type, { iaid, ...times, options: inner });
}

function configuration({ request, subnet }: ReplyPlan6): Option6[] {
  if (subnet === null) return [];
  const options: Option6[] = [];
  if (subnet.dnsServers.length > 0 && wants6(request, OPTIONS6.dnsServers.code))
    options.push(option6('dnsServers', [...subnet.dnsServers]));
  if (subnet.domainSearch.length > 0 && wants6(request, OPTIONS6.domainSearch.code))
    options.push(option6('domainSearch', [...subnet.domainSearch]));
  if (wants6(request, OPTIONS6.refreshSeconds.code)) options.push(option6('refreshSeconds', REFRESH_SECONDS));
  return options;
}

/**
 * iPXE reads option 59 without asking for it. EDK2's HTTP boot believes only an answer of class "HTTPClient" (HttpBootDhcp6.c); its PXE takes
 * an answer of class "PXEClient" for a boot server to be asked once more on port 4011 (PxeBcDhcp6.c), so there the class stays away.
 */
function boot({ request, kind, boot: offer }: ReplyPlan6): Option6[] {
  if (offer === null || 'silent' in offer) return [];
  const options = [option6('bootFileUrl', offer.url)];
  const parameters = offer.parameters ?? [];
  if (parameters.length > 0)
    options.push(
      option6(
        'bootFileParameters',
        parameters.map((one) => Buffer.from(one, 'utf8')),
      ),
    );
  const vendorClass = getOption6(request.options, 'vendorClass');
  if (kind === 'http' && vendorClass !== undefined)
    options.push(option6('vendorClass', { enterprise: vendorClass.enterprise, classes: [Buffer.from('HTTPClient')] }));
  return options;
}
