import { describe, expect, it } from 'vitest';
import { createEyes, type OpenDisk } from '../../../../src/agent/disks/eyes.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const disk = (name: string): { name: string; serial: null; wwn: null; size: number } => ({ name, serial: null, wwn: null, size: 2 ** 20 });

/** Disks by name: what is blank answers, others never do. */
function openDisk(hangs: (path: string) => boolean): (path: string) => Promise<OpenDisk> {
  const never = new Promise<Uint8Array>(() => undefined);
  return async (path) => ({
    read: (_offset, length) => (hangs(path) ? never : Promise.resolve(new Uint8Array(length))),
    close: async () => undefined,
  });
}

describe('looking at disks', () => {
  it('ends although one never answers, says so of that one, and has seen the others', async () => {
    const clock = createFakeClock();
    const { lookAll } = createEyes({ clock, openDisk: openDisk((path) => path === '/dev/sdb') });
    const found = await clock.until(lookAll(['/dev/sda', '/dev/sdb', '/dev/sdc'].map(disk)));
    expect(found.map(({ name, isBlank, unread }) => ({ name, isBlank, unread }))).toEqual([
      { name: '/dev/sda', isBlank: true, unread: null },
      { name: '/dev/sdb', isBlank: false, unread: 'it did not answer within 60 s' },
      { name: '/dev/sdc', isBlank: true, unread: null },
    ]);
  });

  it('leaves a disk alone that still hangs, and every disk when too many do', async () => {
    const clock = createFakeClock();
    const opened: string[] = [];
    const open = openDisk((path) => path !== '/dev/good');
    const { look, lookAll } = createEyes({
      clock,
      openDisk: (path) => {
        opened.push(path);
        return open(path);
      },
    });
    await clock.until(look(disk('/dev/sda')));
    expect(await look(disk('/dev/sda'))).toMatchObject({ unread: 'it still hangs since it was looked at before' });
    await clock.until(lookAll(Array.from({ length: 7 }, (_, index) => disk(`/dev/bad${index}`))));
    expect(await look(disk('/dev/good'))).toMatchObject({ unread: '8 other disks hang, so that it was left alone', isBlank: false });
    expect(opened).toHaveLength(8);
  });

  it('says why a disk can not be opened', async () => {
    const { look } = createEyes({ clock: createFakeClock(), openDisk: () => Promise.reject(new Error('ENOMEDIUM: no medium found')) });
    expect(await look(disk('/dev/sr0'))).toMatchObject({ unread: 'ENOMEDIUM: no medium found', isBlank: false });
  });
});
