// [global]: names, places, passwords. Pure.

import { at, knows, near, quoted, type Subject, tableAt, textAt, textsAt } from './finding.ts';
import { isCrypt } from './patterns.ts';
import { TITLES } from './releases.ts';
import { KEYBOARDS } from './schema.ts';
import { COUNTRIES } from './tables-countries.ts';
import { NEW_ZONES, ZONES } from './tables-zones.ts';

export function checkGlobal(subject: Subject): void {
  checkFqdn(subject);
  checkMailto(subject);
  checkCountry(subject);
  checkTimezone(subject);
  checkPasswords(subject);
  checkSshKeys(subject);
  checkSubscription(subject);
}

// ---- fqdn -----------------------------------------------------------------------------------------------------------------------

const MAX_FQDN = 253;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const EXAMPLE = 'Write a host name and a domain, such as "node1.example.com".';

function checkFqdn(subject: Subject): void {
  const fqdn = at(subject.document, 'global.fqdn');
  if (typeof fqdn === 'string') {
    const fault = fqdnFault(fqdn);
    if (fault !== undefined) subject.error('global.fqdn', fault, EXAMPLE);
    return;
  }
  if (tableAt(subject, 'global.fqdn') === undefined) return;
  const domain = textAt(subject, 'global.fqdn.domain');
  const needs = domain === undefined || domain === '' ? 'a host name and a domain' : 'a host name';
  subject.warn('global.fqdn', `the installer stops unless DHCP gives ${needs}`, 'Write the whole name where DHCP may not know it.');
  if (domain === undefined) return;
  if (domain === '') checkEmptyDomain(subject);
  else if (domain.length > MAX_FQDN || !domain.split('.').every((label) => LABEL.test(label)))
    subject.error('global.fqdn.domain', `${quoted(domain)} is no domain`, 'Write letters, digits and "-" between points: "example.com".');
}

/** Empty means "unset" from 9.0 on. Before, it makes a name that ends in a point, and the machine gets the product's default name. */
function checkEmptyDomain(subject: Subject): void {
  if (!knows(subject, '9.0.5'))
    subject.error('global.fqdn.domain', 'this release makes an unusable name of an empty domain', 'Leave "domain" out, or write one.');
}

export function fqdnFault(fqdn: string): string | undefined {
  if (fqdn.length > MAX_FQDN) return `it has ${fqdn.length} characters, at most ${MAX_FQDN} are taken`;
  const labels = fqdn.split('.');
  const wrong = labels.find((label) => !LABEL.test(label));
  if (wrong !== undefined) return `${labelFault(wrong)} (letters, digits and "-" inside, 1 to 63 of them between two points)`;
  if (labels.length < 2) return 'it has no domain';
  return /^\d+$/.test(labels[0] ?? '') ? 'the host name is all digits' : undefined;
}

function labelFault(label: string): string {
  return label === '' ? 'there is nothing between two points, or at an end' : `${quoted(label)} can be no part of a name`;
}

// ---- mail, country, zone --------------------------------------------------------------------------------------------------------

const MAIL =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
/** What stands in the installer's form at first. */
const MAIL_EXAMPLE = 'mail@example.invalid';

function checkMailto(subject: Subject): void {
  const mailto = textAt(subject, 'global.mailto');
  if (mailto === undefined) return;
  if (!MAIL.test(mailto))
    subject.error('global.mailto', `${quoted(mailto)} is no e-mail address`, 'Write one such as "admin@example.com".');
  else if (mailto === MAIL_EXAMPLE) subject.error('global.mailto', 'the installer refuses its own example', 'Write your own address.');
}

function checkCountry(subject: Subject): void {
  const country = textAt(subject, 'global.country');
  if (country === undefined || COUNTRIES.has(country)) return;
  const lower = country.toLowerCase() === 'uk' ? 'gb' : country.toLowerCase();
  const fix = COUNTRIES.has(lower) ? `Write "${lower}".` : 'Write the two-letter code of ISO 3166-1 in small letters, such as "at".';
  const isKeyboard = KEYBOARDS.includes(country);
  subject.error('global.country', `${quoted(country)} is no country's code${isKeyboard ? ', but a keyboard' : ''}`, fix);
}

function checkTimezone(subject: Subject): void {
  const zone = textAt(subject, 'global.timezone');
  if (zone === undefined) return;
  const since = NEW_ZONES[zone];
  if (since !== undefined && !knows(subject, since))
    subject.error('global.timezone', `${zone} is newer than this release`, 'Take a zone with the same time that is older.');
  if (ZONES.has(zone)) return;
  subject.error('global.timezone', `the installer knows no time zone ${quoted(zone)}`, zoneFix(zone));
}

/** The installer takes each zone by one name only. */
const RENAMED: Readonly<Record<string, string>> = {
  'Europe/Kiev': 'Europe/Kyiv',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'America/Buenos_Aires': 'America/Argentina/Buenos_Aires',
  'America/Indianapolis': 'America/Indiana/Indianapolis',
  'America/Godthab': 'America/Nuuk',
  'US/Eastern': 'America/New_York',
  'US/Central': 'America/Chicago',
  'US/Mountain': 'America/Denver',
  'US/Pacific': 'America/Los_Angeles',
};

function zoneFix(zone: string): string {
  if (/^(?:Etc\/)?(?:UTC|UCT|GMT|Zulu|Universal|Greenwich|GMT0)$/i.test(zone)) return 'Write "UTC".';
  const word = RENAMED[zone] ?? near(zone, [...ZONES]);
  return word === undefined ? 'Write a zone such as "Europe/Vienna", or "UTC".' : `Write "${word}".`;
}

// ---- passwords ------------------------------------------------------------------------------------------------------------------

const PLAIN = 'global.root-password';
const HASHED = 'global.root-password-hashed';
const PDM_MAX = 64;

function checkPasswords(subject: Subject): void {
  const [plain, hashed] = [at(subject.document, PLAIN), at(subject.document, HASHED)];
  const knowsHashed = knows(subject, '8.2.7');
  const names = knowsHashed ? `"${nameNow(subject, 'root-password')}" or "${nameNow(subject, 'root-password-hashed')}"` : '"root_password"';
  if (plain === undefined && hashed === undefined) subject.error(PLAIN, 'root has no password', `Write ${names} in [global].`);
  if (plain !== undefined && hashed !== undefined) subject.error(HASHED, 'root has a password already', `Write only one of ${names}.`);
  if (typeof plain === 'string') checkPlain(subject, plain);
  if (typeof hashed === 'string') checkHashed(subject, hashed);
}

function nameNow(subject: Subject, kebab: string): string {
  return knows(subject, '8.4.0') ? kebab : kebab.replaceAll('-', '_');
}

function checkPlain(subject: Subject, password: string): void {
  const bytes = Buffer.byteLength(password);
  const least = knows(subject, '8.4.0') ? 8 : 5;
  if (bytes < least) subject.error(PLAIN, `it has ${bytes} bytes`, `Take ${least} or more.`);
  if (subject.release.product === 'pdm' && bytes > PDM_MAX)
    subject.error(PLAIN, `it has ${bytes} bytes, and ${TITLES.pdm} takes no password longer than ${PDM_MAX}`, 'Take a shorter one.');
  // It is one line of what chpasswd(8) reads.
  if (/\p{Cc}/u.test(password)) subject.error(PLAIN, 'it holds a control character, such as the end of a line', 'Take it out.');
}

function checkHashed(subject: Subject, hash: string): void {
  if (hash === '') subject.error(HASHED, 'an empty hash is no password at all', 'Write what "mkpasswd" prints.');
  else if (/[:\s\p{Cc}]/u.test(hash))
    subject.error(HASHED, 'no hash has a colon, a space or the end of a line in it', 'Write what "mkpasswd" prints, and nothing else.');
  else if (!isCrypt(hash))
    subject.warn(
      HASHED,
      'it does not look like a hash of crypt(3), and the installer does not check',
      'Write what "mkpasswd" prints: $y$….',
    );
}

// ---- keys -----------------------------------------------------------------------------------------------------------------------

const SSH_KEY =
  /(?:^|\s)(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)\s+AAAA[A-Za-z0-9+/]+={0,3}(?:\s|$)/;

function checkSshKeys(subject: Subject): void {
  const keys = textsAt(subject, 'global.root-ssh-keys') ?? [];
  for (const [index, key] of keys.entries()) {
    const which = `the ${ordinal(index)} key`;
    if (/PRIVATE KEY/.test(key))
      subject.error('global.root-ssh-keys', `${which} is a private one`, 'Write the public one: the file *.pub.');
    else if (/[\r\n]./.test(key)) subject.error('global.root-ssh-keys', `${which} has several lines`, 'Write one text for each key.');
    else if (!SSH_KEY.test(key))
      subject.warn('global.root-ssh-keys', `${which} does not look like a public key`, 'Write what stands in the file *.pub.');
  }
}

function ordinal(index: number): string {
  return ['first', 'second', 'third'][index] ?? `${index + 1}th`;
}

const SUBSCRIPTION = /^(?:pve\d+|pbs|pmg)[cbsp]-[0-9a-f]{10}$/;

function checkSubscription(subject: Subject): void {
  const key = textAt(subject, 'global.subscription-key');
  if (key === undefined) return;
  const { product } = subject.release;
  if (!SUBSCRIPTION.test(key))
    subject.error('global.subscription-key', 'it has not the form of a key', 'Write it as it was bought: "pve2c-0123456789".');
  else if (!key.startsWith(product))
    subject.error(
      'global.subscription-key',
      `it is for another product than ${TITLES[product]}`,
      'Leave it out, or take a key for this one.',
    );
}
