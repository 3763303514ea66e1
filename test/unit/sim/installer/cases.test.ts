// The cases of answer files that the appliance's own rules are held to, before the stand-in's reader: two readings of the same rules.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AnswerCase, RELEASES, textOf } from '../../../fixtures/answers/case.ts';
import { ANSWER_CASES } from '../../../fixtures/answers/index.ts';
import { readAnswer } from '../../../sim/installer/logic/answer.ts';
import { readLocales } from '../../../sim/installer/logic/answer-values.ts';
import { Refused } from '../../../sim/installer/logic/section.ts';

const table = (name: string): string => readFileSync(`/usr/share/zoneinfo/${name}`, 'utf8');
const locales = readLocales(table('iso3166.tab'), table('zone.tab'));

/** Of Proxmox VE alone: the releases of the others are placed by the appliance's own table. */
const PVE = ANSWER_CASES.filter(({ product }) => product === undefined);

function releasesOf({ from = '8.2', until = '9.2' }: AnswerCase): readonly string[] {
  return RELEASES.filter((release) => release >= from && release <= until);
}

function whyNot(one: AnswerCase, release: string): string | null {
  try {
    readAnswer(textOf(one, release < '8.4'), 'toml', { product: 'pve', release, locales });
    return null;
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.message;
    throw thrown;
  }
}

describe('what the appliance takes for a good answer', () => {
  it('the stand-in reads too', () => {
    const differences = PVE.filter((one) => one.expect.verdict === 'taken').flatMap((one) =>
      releasesOf(one).flatMap((release) => {
        const why = whyNot(one, release);
        return why === null ? [] : [`${one.name} (${release}): ${why}`];
      }),
    );
    expect(differences).toEqual([]);
  });
});

/** What fails at a later stage, or what the real one does not see and the appliance is strict about; by the beginnings of the cases' names. */
const SEEN_LATER = [
  'an empty domain before 9.0',
  'a domain that is none',
  'a zone that is newer than the installer',
  'a password with a line end',
  'an empty hash',
  'a hash with',
  'a private key',
  'two keys in one text',
  'global.subscription-key may not be',
  'a bracket that is not closed',
  'an empty bracket',
  'three stars',
  'two stars beside letters',
  'a MAC in capital letters with the first 9.1',
  'an empty filter',
  'a disk by its identity in the list',
  'an empty name in the list',
  'the same disk twice',
  'an unclosed bracket in a filter',
  'RAID1 in capital letters on one disk',
  'raid',
  'btrfs raid',
  'disk-setup.zfs.',
  'disk-setup.lvm.hdsize',
  'disk-setup.lvm.maxroot',
  'disk-setup.btrfs.hdsize',
  'post-installation-webhook: a fingerprint',
  'post-installation-webhook: an empty fingerprint',
  'first-boot: a fingerprint',
  'first-boot: an empty fingerprint',
  'a key named __proto__',
];

describe('what the appliance refuses', () => {
  it('the stand-in refuses too, unless it comes out later than by reading', () => {
    const read = PVE.filter((one) => one.expect.verdict === 'refused').flatMap((one) =>
      releasesOf(one).flatMap((release) => (whyNot(one, release) === null ? [one.name] : [])),
    );
    expect([...new Set(read)].filter((name) => !SEEN_LATER.some((beginning) => name.startsWith(beginning)))).toEqual([]);
  });
});
