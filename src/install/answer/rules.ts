// The rules of answer files: is this what the installer of that release takes? Pure; never throws. Knows no machine, no profile.

import { isTable, readToml, type Table, type TomlDocument, toPointer } from '../../config/index.ts';
import type { JsonObject, JsonValue } from '../../nodes/index.ts';
import type { AnswerFault, AnswerRules, AnswerTarget } from '../seam.ts';
import { type Finding, keyOf, type Path, pathOf, type Subject } from './finding.ts';
import { missing, type Normalised, normalise, pathKey } from './normalise.ts';
import { type InstallerRelease, isAtLeast, releaseOf } from './releases.ts';
import { checkDisks } from './rules-disks.ts';
import { checkGlobal } from './rules-global.ts';
import { checkHooks } from './rules-hooks.ts';
import { checkNetwork } from './rules-network.ts';
import { specOf } from './schema.ts';
import { serialiseFor } from './serialise-render.ts';
import { checkValues } from './values.ts';

/** The installer takes 10 MB; no answer of a person comes near this. */
const MAX_TEXT = 1024 * 1024;

export const answerRules: AnswerRules = {
  check(text, target) {
    const release = releaseOf(target.product, target.release);
    if ('problem' in release) return { document: null, faults: [fileFault(release.problem, release.fix)] };
    if (Buffer.byteLength(text) > MAX_TEXT)
      return { document: null, faults: [fileFault('the file is too long', 'Write less than 1 MiB.')] };
    const read = readToml(text);
    if ('fault' in read) {
      const { line, message } = read.fault;
      return { document: null, faults: [{ ...fileFault(`no TOML: ${message}`, 'Put this line right.'), line }] };
    }
    const { document: toml } = read;
    const normal = normalise(toml.value, release, { isText: true });
    const isFloat = (path: Path): boolean => toml.floats.has(toPointer(writtenPath(normal, path)));
    const findings = examine(normal, release, target, isFloat);
    const faults = findings.map((finding) => faultOf(finding, lineOf(toml, normal, finding.path)));
    return { document: toJson(normal.document), faults: faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
  },

  checkDocument(document, target) {
    const release = releaseOf(target.product, target.release);
    if ('problem' in release) return [fileFault(release.problem, release.fix)];
    const normal = normalise(document, release, { isText: false });
    return examine(normal, release, target, null).map((finding) => faultOf(finding, null));
  },

  serialise(document, target) {
    const release = releaseOf(target.product, target.release);
    return 'problem' in release ? '' : serialiseFor(document, release);
  },
};

/** Does its installer read this key? What nobody asked for is left out then. */
export function knowsKey({ product, release }: AnswerTarget, key: string): boolean {
  const found = releaseOf(product, release);
  const spec = specOf(key);
  return !('problem' in found) && spec !== undefined && isAtLeast(found.installer, spec.since);
}

function examine(
  normal: Normalised,
  release: InstallerRelease,
  target: AnswerTarget,
  isFloat: ((path: Path) => boolean) | null,
): readonly Finding[] {
  const findings = [...normal.findings];
  const say =
    (severity: Finding['severity']) =>
    (key: string | Path, message: string, fix: string): void => {
      findings.push({ path: pathOf(key), message, fix, severity });
    };
  const document = withoutUnread(normal);
  const subject: Subject = {
    document,
    release,
    bootMode: target.bootMode ?? null,
    isText: isFloat !== null,
    isFloat: isFloat ?? (() => false),
    error: say('error'),
    warn: say('warning'),
  };
  if (release.isUnknown) subject.warn('', UNKNOWN_RELEASE, 'Check the file with a newer release of this program too.');
  findings.push(...missing(document, release));
  checkValues(subject);
  checkGlobal(subject);
  checkNetwork(subject);
  checkDisks(subject);
  checkHooks(subject);
  return findings;
}

const UNKNOWN_RELEASE = 'this release is newer than the rules: it is checked as the newest release known';

/** What a release does not read has had its one fault: nothing more is said of its values. */
function withoutUnread({ document, unread }: Normalised): Table {
  if (unread.length === 0) return document;
  const without = (table: Table, path: string): Table =>
    Object.fromEntries(
      Object.entries(table)
        .filter(([name]) => !unread.includes(path + name))
        .map(([name, value]) => [name, isTable(value) ? without(value, `${path}${name}.`) : value]),
    );
  return without(document, '');
}

// ---- places ---------------------------------------------------------------------------------------------------------------------

function writtenPath({ written }: Normalised, path: Path): Path {
  for (let length = path.length; length > 0; length -= 1) {
    const head = written.get(pathKey(path.slice(0, length)));
    if (head !== undefined) return [...head, ...path.slice(length)];
  }
  return path;
}

/** Of the key; where it is missing, of the section that it is missing in. */
function lineOf(toml: TomlDocument, normal: Normalised, path: Path): number | null {
  for (let length = path.length; length > 0; length -= 1) {
    const place = toml.keys.get(toPointer(writtenPath(normal, path.slice(0, length))));
    if (place !== undefined) return place.line;
  }
  return null;
}

function faultOf({ path, message, fix, severity }: Finding, line: number | null): AnswerFault {
  return { key: keyOf(path), line, message, fix, severity };
}

function fileFault(message: string, fix: string): AnswerFault {
  return { key: '', line: null, message, fix, severity: 'error' };
}

// ---- TOML's values in JSON ------------------------------------------------------------------------------------------------------

function toJson(table: Table): JsonObject {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, jsonValue(value)]));
}

/** Dates and infinite numbers have had their fault; JSON holds them as texts. */
function jsonValue(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(jsonValue);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  if (isTable(value)) return toJson(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
}
