// Which of the names that firmware gives a machine are worth believing. Pure; used by the agent before it reports and by the server
// before it compares. Many boards carry the same placeholder: two machines "sharing" a serial must not become one node.

/** Placeholders seen in DMI texts. Compared in lower case, without spaces and punctuation. */
const JUNK_WORDS: ReadonlySet<string> = new Set([
  '0',
  'asset',
  'assettag',
  'baseboardassettag',
  'baseboardserialnumber',
  'chassisassettag',
  'chassisserialnumber',
  'default',
  'defaultstring',
  'empty',
  'false',
  'invalid',
  'na',
  'no',
  'noassetinformation',
  'noassettag',
  'none',
  'notapplicable',
  'notavailable',
  'notprovided',
  'notset',
  'notsettable',
  'notspecified',
  'null',
  'oem',
  'oemdefaultstring',
  'productname',
  'serial',
  'serialnumber',
  'sernum',
  'sn',
  'standard',
  'systemmanufacturer',
  'systemname',
  'systemproductname',
  'systemserialnumber',
  'systemversion',
  'tobefilledbyoem',
  'tobefilledbyoemo',
  'undefined',
  'unknown',
  'unspecified',
  'xxxx',
]);

/** "To be filled by O.E.M.", with every ending boards have given it. */
const JUNK_STARTS = ['tobefilled', 'tobeset', 'filledby', 'oemstring', 'systemserial', 'defaultstring'] as const;

/** Counting texts that stand in for a serial number: only as a whole, "A123456789" is a fine serial. */
const JUNK_COUNTS: ReadonlySet<string> = new Set([
  '0123456789',
  '01234567',
  '123456789',
  '1234567890',
  '12345678',
  '1234567',
  '123456',
  '012345678',
]);

/** SMBIOS UUIDs that boards ship in numbers, as the kernel spells them. */
const JUNK_UUIDS: ReadonlySet<string> = new Set([
  // AMI's reference code, in both byte orders of its first three fields.
  '03000200-0400-0500-0006-000700080009',
  '00020003-0004-0005-0006-000700080009',
  // Counting patterns.
  '00112233-4455-6677-8899-aabbccddeeff',
  '33221100-5544-7766-8899-aabbccddeeff',
  '01234567-89ab-cdef-0123-456789abcdef',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '12345678-1234-1234-1234-123456789abc',
  '12345678-1234-5678-1234-567812345678',
  '78563412-3412-7856-90ab-cddeefaabbcc',
  '10000000-0000-0000-0000-000000000000',
  'fefefefe-fefe-fefe-fefe-fefefefefefe',
  '4c4c4544-0000-2010-8020-80c04f202020', // Dell's form with an empty service tag
]);

const UUID_FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_DISTINCT_DIGITS_MIN = 3;

/** A DMI text worth showing (maker, product): trimmed, without control characters; null for placeholders. */
export function cleanDmiText(raw: string | null | undefined, maxLength = 256): string | null {
  const text = (raw ?? '').replaceAll(/[\p{Cc}\ufffd\s]+/gu, ' ').trim();
  return isPlaceholder(text) ? null : text.slice(0, maxLength);
}

/** A serial that may tell one machine (or disk) from another: stricter than a text. */
export function cleanSerial(raw: string | null | undefined, maxLength = 256): string | null {
  const text = cleanDmiText(raw, maxLength);
  if (text === null) return null;
  const core = bare(text);
  if (core.length < 3 || JUNK_COUNTS.has(core) || isOneCharacter(core)) return null;
  return text;
}

/** The UUID in lower case, or null when it is malformed or one that many machines share. */
export function cleanSmbiosUuid(raw: string | null | undefined): string | null {
  const uuid = (raw ?? '').trim().toLowerCase();
  if (!UUID_FORM.test(uuid) || JUNK_UUIDS.has(uuid)) return null;
  const digits = uuid.replaceAll('-', '');
  // Zeros, Fs and other fillings; and patterns of two digits such as 0a0a0a…
  return new Set(digits).size < UUID_DISTINCT_DIGITS_MIN ? null : uuid;
}

function isPlaceholder(text: string): boolean {
  const core = bare(text);
  if (core === '') return true;
  return (
    JUNK_WORDS.has(core) ||
    JUNK_STARTS.some((start) => core.startsWith(start)) ||
    (core.length > 1 && isOneCharacter(core) && /[0xf]/.test(core))
  );
}

function bare(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

function isOneCharacter(text: string): boolean {
  return new Set(text).size === 1;
}
