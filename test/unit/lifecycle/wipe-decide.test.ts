// What may be on the disks of a wipe plan beside what they held at the yes.

import { describe, expect, it } from 'vitest';
import { UNRECOGNISED } from '../../../src/inspect/index.ts';
import {
  type Asking,
  allowedOn,
  isPerhaps,
  isSurely,
  lenienceOf,
  type PlanUse,
  systemPlaces,
  useBegun,
  useEnded,
  useErased,
  useFailed,
  useInstalled,
  useLived,
} from '../../../src/lifecycle/wipe-decide.ts';

const CLEAN = { key: 't:0', kind: 'clean' } as const;
const DEPLOY = { key: 't:1', kind: 'deploy' } as const;

const on = (state: Asking['state'], use: PlanUse, by: Asking['by'] = 'deploy', count = 2) =>
  Array.from({ length: count }, (_, at) => lenienceOf({ state, use, at, by }));

describe('what is found on a disk beside what was agreed to', () => {
  it('is nothing that is let pass before the disk was written', () => expect(on('approved', {})).toEqual(['none', 'none']));

  it('may be bytes that nobody recognises once that disk is erased, and anything once a system of ours is on it', () => {
    const erased = useEnded({}, 'clean', { wrote: [0], count: 2 });
    expect(on('approved', erased)).toEqual(['bytes', 'none']);
    expect(on('standing', {})).toEqual(['bytes', 'bytes']);
    const deployed = useEnded(erased, 'deploy', { wrote: [0], count: 2 });
    expect(on('approved', deployed)).toEqual(['all', 'none']);
    expect(on('standing', deployed)).toEqual(['all', 'bytes']);
  });

  it('is ours on every disk of ours for a cleaning and a report since that system was started, and for no new deployment', () => {
    const deployed = useEnded({}, 'deploy', { wrote: [0], count: 2 });
    expect(on('standing', deployed, 'clean')).toEqual(['all', 'bytes']);
    expect(on('standing', useLived(deployed), 'clean')).toEqual(['all', 'all']);
    expect(on('standing', useLived(deployed), 'report')).toEqual(['all', 'all']);
    expect(on('standing', useLived(deployed), 'deploy')).toEqual(['all', 'bytes']);
    expect(on('approved', useLived(deployed), 'clean')).toEqual(['all', 'none']);
    expect(useLived({})).toEqual({});
  });

  it('is no longer ours whatever it is when that disk was erased anew', () => {
    const deployed = useLived(useEnded({}, 'deploy', { wrote: [0], count: 2 }));
    expect(on('standing', useEnded(deployed, 'clean', { wrote: [0, 1], count: 2 }), 'clean')).toEqual(['bytes', 'bytes']);
    expect(on('standing', useEnded(deployed, 'clean', { wrote: [0], count: 2 }))).toEqual(['bytes', 'bytes']);
    expect(on('standing', useEnded(deployed, 'clean', { wrote: [1], count: 2 }))).toEqual(['all', 'bytes']);
    expect(on('standing', useEnded(deployed, 'clean', { wrote: [], count: 2 }))).toEqual(['all', 'bytes']);
  });

  it('is no longer ours whatever it is on the disks that a cleaning of some of them erased, for the next cleaning and reports', () => {
    const lived = useLived(useEnded({}, 'deploy', { wrote: [0], count: 3 }));
    const cleaned = useEnded(lived, 'clean', { wrote: [0, 1], count: 3 });
    for (const by of ['clean', 'report'] as const) expect(on('standing', cleaned, by, 3)).toEqual(['bytes', 'bytes', 'all']);
    // What is put on one of them is the new system's alone until that is started.
    const again = useEnded(cleaned, 'deploy', { wrote: [1], count: 3 });
    expect(on('standing', again, 'clean', 3)).toEqual(['bytes', 'all', 'all']);
    expect(on('standing', useLived(again), 'clean', 3)).toEqual(['all', 'all', 'all']);
    const marked = useEnded(lived, 'deploy', { wrote: [1], count: 3, leaves: { 1: ['table gpt g1'] } });
    expect(on('standing', marked, 'clean', 3)).toEqual(['all', 'bytes', 'all']);
  });

  it('is half done while the agent has the step, on the disks that it is to write and no others', () => {
    expect(on('approved', useBegun({}, CLEAN))).toEqual(['bytes', 'bytes']);
    expect(on('approved', useBegun({}, { ...DEPLOY, at: [1] }))).toEqual(['none', 'bytes']);
  });

  it('is never ours whatever it is for a new order because an earlier one was under way: nobody looked since', () => {
    for (const state of ['approved', 'standing'] as const) expect(on(state, useBegun({}, DEPLOY))).toEqual(['bytes', 'bytes']);
    expect(on('standing', useBegun({}, DEPLOY), 'clean')).toEqual(['bytes', 'bytes']);
  });

  it('is in a report whatever a deployment under way has put there, on its own disk', () => {
    expect(on('approved', useBegun({}, { ...DEPLOY, at: [0] }), 'report')).toEqual(['all', 'none']);
    expect(on('approved', useBegun({}, CLEAN), 'report')).toEqual(['bytes', 'bytes']);
    expect(on('approved', useBegun({}, { ...DEPLOY, at: [0], leaves: { 0: ['table gpt g'] } }), 'report')).toEqual(['bytes', 'none']);
    expect(on('approved', {}, 'report')).toEqual(['none', 'none']);
  });

  it('stays half done when the step failed after it had begun, or nobody can say, and not when it did nothing', () => {
    const begun = useBegun({}, { ...CLEAN, at: [1] });
    expect(on('approved', useFailed(begun, CLEAN, false))).toEqual(['none', 'bytes']);
    expect(on('approved', useFailed(begun, CLEAN, undefined))).toEqual(['none', 'bytes']);
    expect(on('approved', useFailed(begun, CLEAN, true))).toEqual(['none', 'none']);
    expect(on('approved', useFailed({}, CLEAN, undefined))).toEqual(['none', 'none']);
    expect(on('approved', useFailed({}, CLEAN, false))).toEqual(['bytes', 'bytes']);
    expect(on('standing', useFailed(useBegun({}, DEPLOY), DEPLOY, false))).toEqual(['bytes', 'bytes']);
    expect(on('approved', useFailed({ begun: true }, CLEAN, true))).toEqual(['bytes', 'bytes']);
  });

  it('is not forgotten when another step begins, fails or ends after one that nobody heard the end of', () => {
    const left = useBegun({}, { ...CLEAN, at: [0] });
    expect(on('approved', useBegun(left, { ...DEPLOY, at: [1] }))).toEqual(['bytes', 'bytes']);
    expect(on('approved', useFailed(left, DEPLOY, true))).toEqual(['bytes', 'none']);
  });

  it('is over on a disk that is written whole, and stays on another one', () => {
    const use = useEnded({ begun: true }, 'clean', { wrote: [0], count: 2 });
    expect(use.begun).toEqual([1]);
  });
});

describe('what may be written over', () => {
  const disk = { serial: 'S1', wwn: null, expects: ['table mbr'] };
  const asking = (use: PlanUse, by: Asking['by'] = 'deploy', state: Asking['state'] = 'standing') => ({ state, use, at: 0, by });

  it('is a mark of ours and nothing else after the disk was marked for an installer, until that has its answer', () => {
    const marked = useEnded(useBegun({}, { ...DEPLOY, at: [0] }), 'deploy', { wrote: [0], count: 1, leaves: { 0: ['table gpt g1'] } });
    for (const by of ['deploy', 'clean', 'report'] as const)
      expect(allowedOn(disk, asking(marked, by))).toEqual(['table mbr', 'table gpt g1', UNRECOGNISED]);
    expect(systemPlaces(marked, 'standing')).toEqual([]);
    const installed = useInstalled(marked, [0]);
    expect(allowedOn(disk, asking(installed))).toBeNull();
    expect(systemPlaces(installed, 'standing')).toEqual([0]);
  });

  it('is a mark that is half written, also when nobody heard the end of it', () => {
    const half = useBegun({}, { ...DEPLOY, at: [0], leaves: { 0: ['table gpt g1'] } });
    expect(allowedOn(disk, asking(half, 'report', 'approved'))).toEqual(['table mbr', 'table gpt g1', UNRECOGNISED]);
    const failed = useFailed(half, DEPLOY, undefined);
    expect(allowedOn(disk, asking(failed, 'deploy', 'approved'))).toEqual(['table mbr', 'table gpt g1', UNRECOGNISED]);
    expect(allowedOn(disk, asking(useFailed(half, DEPLOY, true), 'deploy', 'approved'))).toEqual(['table mbr']);
  });

  it('is no mark any more when the disk was erased since', () => {
    const marked = useEnded({}, 'deploy', { wrote: [0], count: 1, leaves: { 0: ['table gpt g1'] } });
    expect(allowedOn(disk, asking(useEnded(marked, 'clean', { wrote: [0], count: 1 })))).toEqual(['table mbr', UNRECOGNISED]);
  });

  it('is never everything on a disk without a name of its own', () => {
    const nameless = { serial: null, wwn: null, expects: ['table mbr'] };
    const deployed = useLived(useEnded({}, 'deploy', { wrote: [0], count: 1 }));
    for (const by of ['deploy', 'clean', 'report'] as const)
      expect(allowedOn(nameless, asking(deployed, by))).toEqual(['table mbr', UNRECOGNISED]);
    expect(allowedOn({ ...nameless, expects: null }, asking({}, 'clean', 'approved'))).toEqual([]);
    expect(allowedOn({ ...nameless, wwn: '0x5' }, asking(deployed))).toBeNull();
  });

  it('is everything where nobody could read the disk, and somebody said yes to it by its name', () => {
    expect(allowedOn({ ...disk, expects: null }, asking({}, 'deploy', 'approved'))).toBeNull();
  });
});

it('is neither ours nor agreed to any more on a disk that was erased by another yes', () => {
  const deployed = useLived(useEnded({}, 'deploy', { wrote: [0, 1], count: 2, leaves: { 1: ['table gpt g1'] } }));
  const erased = useErased(deployed, [0], 2);
  expect(on('standing', erased)).toEqual(['bytes', 'bytes']);
  expect(erased).toMatchObject({ lived: [1], left: { 1: ['table gpt g1'] } });
  expect(on('standing', erased, 'clean')).toEqual(['bytes', 'all']);
  expect(useErased(deployed, [0, 1], 2)).toMatchObject({ lived: [], left: {}, deployed: [] });
  expect(on('approved', useErased({}, [1], 2))).toEqual(['none', 'bytes']);
});

it('reads what versions before kept of a plan as a whole', () => {
  expect(on('standing', { deployed: true, begun: true })).toEqual(['all', 'all']);
  expect(on('approved', { deployed: true, ours: [1] }, 'clean')).toEqual(['none', 'all']);
  expect(systemPlaces({ deployed: true }, 'standing')).toBeNull();
  expect(useEnded({ deployed: true }, 'clean', { wrote: [0], count: 2 })).toMatchObject({ deployed: [1], lived: [1] });
  expect(on('standing', { deployed: [0], lived: true }, 'clean')).toEqual(['all', 'all']);
  expect(on('standing', { deployed: [0], lived: false }, 'clean')).toEqual(['all', 'bytes']);
  expect(useEnded({ deployed: [0], lived: true }, 'clean', { wrote: [1], count: 2 })).toMatchObject({ deployed: [0], lived: [0] });
  expect(useEnded({ deployed: [0], lived: false }, 'clean', { wrote: [1], count: 2 })).toMatchObject({ lived: [] });
});

it('knows a planned disk by its names in whatever slot, and by the slot only where there is none', () => {
  const planned = { serial: 'S1', wwn: '0x1', size: 500, byPath: 'pci-1' };
  expect(isSurely(planned, { ...planned, byPath: 'pci-2' })).toBe(true);
  expect(isSurely(planned, { ...planned, wwn: '0x2' })).toBe(false);
  expect(isPerhaps(planned, { ...planned, size: 501 })).toBe(false);
  // One of two namespaces of a drive, if nobody saw its other name: enough to be no longer ours, and not to become it.
  const seen = { ...planned, wwn: null };
  expect([isPerhaps(planned, seen), isPerhaps(seen, planned), isSurely(planned, seen), isSurely(seen, planned)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  const nameless = { ...planned, serial: null, wwn: null };
  expect([isPerhaps(nameless, nameless), isPerhaps(nameless, { ...nameless, byPath: 'pci-2' })]).toEqual([true, false]);
});
