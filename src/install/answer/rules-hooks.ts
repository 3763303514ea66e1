// [post-installation-webhook] and [first-boot]: what is fetched and what is told. Pure.

import { at, quoted, type Subject, tableAt, textAt } from './finding.ts';
import { isFingerprint, urlFault } from './patterns.ts';

const HOOK = 'post-installation-webhook';
const FIRST = 'first-boot';

export function checkHooks(subject: Subject): void {
  if (tableAt(subject, HOOK) !== undefined) checkAddress(subject, HOOK);
  if (tableAt(subject, FIRST) !== undefined) checkFirstBoot(subject);
}

function checkFirstBoot(subject: Subject): void {
  const source = textAt(subject, `${FIRST}.source`);
  checkAddress(subject, FIRST);
  if (source === 'from-url' && at(subject.document, `${FIRST}.url`) === undefined)
    subject.error(`${FIRST}.url`, 'it is missing, though source = "from-url" needs it', 'Write where the script is fetched: "https://…".');
  if (source !== 'from-iso') return;
  subject.warn(
    `${FIRST}.source`,
    'the ISO must hold the script as /proxmox-first-boot',
    'Take source = "from-url" if nobody put it there.',
  );
  for (const name of ['url', 'cert-fingerprint'])
    if (at(subject.document, `${FIRST}.${name}`) !== undefined)
      subject.warn(`${FIRST}.${name}`, 'it does nothing beside source = "from-iso"', 'Leave it out.');
}

/** The installer looks at it only when it calls, and then a fault strands the machine. */
function checkAddress(subject: Subject, section: string): void {
  const url = textAt(subject, `${section}.url`);
  const fault = url === undefined ? undefined : urlFault(url);
  if (url !== undefined && fault !== undefined)
    subject.error(`${section}.url`, `${quoted(url)} can not be called: ${fault}`, 'Write "https://…".');
  const fingerprint = textAt(subject, `${section}.cert-fingerprint`);
  if (fingerprint === undefined) return;
  if (!isFingerprint(fingerprint))
    subject.error(
      `${section}.cert-fingerprint`,
      'it is no SHA-256 of a certificate',
      'Write 64 hexadecimal digits, with or without colons: what "openssl x509 -fingerprint -sha256" prints after "=".',
    );
  else if (url !== undefined && /^http:/i.test(url))
    subject.warn(`${section}.cert-fingerprint`, 'plain http has no certificate to compare', 'Take "https://…", or leave it out.');
}
