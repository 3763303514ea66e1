// Rules between [[rule]], [[profile]], [[cluster]], [[boot.model]] and [[webhooks.target]]: names once, references that lead somewhere.

import { didYouMean, near } from '../explain.ts';
import type { Config } from '../schema.ts';
import { NAME_PLACEHOLDERS } from '../sections/machines.ts';
import type { Check, Notes } from './check.ts';

export const MACHINE_CHECKS: readonly Check[] = [
  { needs: ['/rule/*/name'], run: ({ rule }, notes) => namesOnce('/rule', rule, notes) },
  { needs: ['/profile/*/name'], run: ({ profile }, notes) => namesOnce('/profile', profile, notes) },
  { needs: ['/cluster/*/name'], run: ({ cluster }, notes) => namesOnce('/cluster', cluster, notes) },
  { needs: ['/pipeline/secret/*/name'], run: ({ pipeline }, notes) => namesOnce('/pipeline/secret', pipeline.secret, notes) },
  { needs: ['/rule/*/profile', '/profile/*/name'], run: rulesHaveProfiles },
  { needs: ['/profile/*/cluster', '/cluster/*/name'], run: profilesHaveClusters },
  { needs: ['/rule/*/name_pattern'], run: patternsAreNames },
  { needs: ['/rule/*/match', '/rule/*/auto_approve'], run: approvalIsNarrow },
  { needs: ['/profile/*/os', '/profile/*/answer_template', '/profile/*/image'], run: profilesAreWhole },
  { needs: ['/profile/*/os', '/profile/*/image', '/profile/*/image_checksum'], run: imagesAreWhole },
  { needs: ['/boot/model'], run: modelsAreNamed },
  { needs: ['/cluster/*/api_token_id', '/cluster/*/api_token'], run: tokensAreWhole },
];

function namesOnce(list: string, entries: readonly { readonly name: string }[], notes: Notes): void {
  const first = new Map<string, string>();
  for (const [index, { name }] of entries.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, `${list}/${index}`);
    else
      notes.problem(`${list}/${index}/name`, `the name ${JSON.stringify(name)} is already taken by ${notes.where(earlier)}`, {
        expected: 'a name of its own',
      });
  }
}

function rulesHaveProfiles({ rule, profile }: Config, notes: Notes): void {
  const names = profile.map(({ name }) => name);
  for (const [index, entry] of rule.entries()) refersTo(`/rule/${index}/profile`, entry.profile, 'profile', names, notes);
}

function profilesHaveClusters({ profile, cluster }: Config, notes: Notes): void {
  const names = cluster.map(({ name }) => name);
  for (const [index, entry] of profile.entries())
    if (entry.cluster !== undefined) refersTo(`/profile/${index}/cluster`, entry.cluster, 'cluster', names, notes);
}

function refersTo(pointer: string, name: string, kind: string, known: readonly string[], notes: Notes): void {
  if (known.includes(name)) return;
  const expected = known.length === 0 ? `a [[${kind}]] with that name; there is none yet` : `one of ${known.join(', ')}`;
  const word = near(name, known);
  const more = word === undefined ? { expected } : { expected, nearest: word };
  notes.problem(
    pointer,
    `no [[${kind}]] is named ${JSON.stringify(name)}${word === undefined ? `; expected ${expected}` : didYouMean(word)}`,
    more,
  );
}

function patternsAreNames({ rule }: Config, notes: Notes): void {
  for (const [index, { name_pattern: pattern }] of rule.entries()) {
    if (pattern === undefined) continue;
    const pointer = `/rule/${index}/name_pattern`;
    const asked = [...pattern.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);
    const known: readonly string[] = NAME_PLACEHOLDERS;
    for (const name of asked.filter((word) => !known.includes(word))) {
      const expected = `one of ${known.map((word) => `{${word}}`).join(', ')}`;
      notes.problem(pointer, `{${name}} is not known; expected ${expected}${didYouMean(near(name, known))}`, { expected });
    }
    if (!/^[A-Za-z0-9-]*$/.test(pattern.replaceAll(/\{[^{}]*\}/g, '')))
      notes.problem(pointer, `${JSON.stringify(pattern)} is no host name: outside of braces only letters, digits and "-"`, {
        expected: 'a pattern such as "pve{n}"',
      });
    else if (asked.every((name) => name === 'product'))
      notes.problem(pointer, `${JSON.stringify(pattern)} would give every machine the same name; add {n}`, {
        expected: 'a pattern such as "pve{n}"',
      });
  }
}

function approvalIsNarrow({ rule }: Config, notes: Notes): void {
  for (const [index, { match, auto_approve: isAutomatic }] of rule.entries()) {
    const texts = Object.values(match).filter((value) => typeof value === 'string');
    if (isAutomatic && texts.every((text) => /^\**$/.test(text)))
      notes.warning(
        `/rule/${index}/auto_approve`,
        'says yes to wiping any machine of that size: name a manufacturer, serial, MAC or switch in match',
      );
  }
}

function profilesAreWhole({ profile }: Config, notes: Notes): void {
  for (const [index, { os, answer_template: template, image }] of profile.entries()) {
    const pointer = `/profile/${index}`;
    if (os === 'image' && image === undefined)
      notes.problem(`${pointer}/image`, 'missing; os = "image" needs an image', { expected: 'the name of an image' });
    if (os === 'image' && template !== undefined)
      notes.problem(`${pointer}/answer_template`, 'is for os = "proxmox"; a disk image has no installer to answer', {
        expected: 'no answer_template',
      });
  }
}

function imagesAreWhole({ profile }: Config, notes: Notes): void {
  for (const [index, { os, image, image_checksum: checksum }] of profile.entries()) {
    if (os !== 'image' || image === undefined) continue;
    const isUrl = /^https?:\/\/[^/]/.test(image);
    if (!isUrl && !image.startsWith('/'))
      notes.problem(`/profile/${index}/image`, `${JSON.stringify(image)} is neither a URL nor the path of a file on the appliance`, {
        expected: 'https://… or /…',
      });
    if (isUrl && checksum === undefined)
      notes.problem(`/profile/${index}/image_checksum`, 'missing; nobody else says that the image at a URL is the one that was meant', {
        expected: '"sha256:…"',
      });
  }
}

function modelsAreNamed({ boot }: Config, notes: Notes): void {
  for (const [index, { manufacturer, product }] of boot.model.entries())
    if (manufacturer === undefined && product === undefined)
      notes.problem(`/boot/model/${index}`, 'names no machine; for all of them there is boot.own_disk', {
        expected: 'manufacturer, product or both',
      });
}

function tokensAreWhole({ cluster }: Config, notes: Notes): void {
  for (const [index, { api_token_id: id, api_token: secret }] of cluster.entries()) {
    if ((id === undefined) === (secret === undefined)) continue;
    const missing = id === undefined ? 'api_token_id' : 'api_token';
    notes.problem(`/cluster/${index}/${missing}`, 'missing; a token has two parts: api_token_id and api_token', {
      expected: 'both parts or none',
    });
  }
}
