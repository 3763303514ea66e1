import { describe, expect, it } from 'vitest';
import { readImage } from '../../../../src/power/agent-steps/image-decide.ts';

const SHA256 = 'ab'.repeat(32);
const URL = 'http://images/debian.qcow2';

describe('what instance_info says of an image', () => {
  it('is an order to the agent', () => {
    expect(readImage({ image_source: URL, image_checksum: SHA256, image_disk_format: 'qcow2' })).toEqual({
      image: { url: URL, checksum: `sha256:${SHA256}`, isAppliance: false, format: 'qcow2' },
    });
    expect(readImage({ image_source: URL, image_os_hash_algo: 'sha512', image_os_hash_value: 'CD'.repeat(64) })).toEqual({
      image: { url: URL, checksum: `sha512:${'cd'.repeat(64)}`, isAppliance: false, format: 'auto' },
    });
    expect(readImage({ image_source: URL, image_checksum: 'ef'.repeat(16) })).toMatchObject({
      image: { checksum: `md5:${'ef'.repeat(16)}` },
    });
  });

  it('is a file of the appliance, whose checksum nobody must give', () => {
    expect(readImage({ image_source: 'file:///srv/debian.raw' })).toEqual({ file: '/srv/debian.raw', format: 'auto', checksum: null });
  });

  it('says what is missing', () => {
    expect(readImage({})).toEqual({ missing: ['image_source'] });
    expect(readImage({ image_source: URL })).toEqual({ missing: ['image_checksum'] });
  });

  it.each([
    [{ image_source: 'ftp://images/x', image_checksum: SHA256 }, 'image_source is'],
    [{ image_source: URL, image_checksum: 'xyz' }, 'no algorithm that is known'],
    [{ image_source: URL, image_checksum: 'https://images/SHA256SUMS' }, 'is a URL'],
    [{ image_source: URL, image_os_hash_algo: 'sha256', image_os_hash_value: 'ab' }, 'not 64 hexadecimal digits'],
    [{ image_source: URL, image_checksum: SHA256, image_disk_format: 'vmdk' }, 'known are raw and qcow2'],
    [{ image_source: URL, image_checksum: SHA256, kernel: 'http://images/vmlinuz' }, 'single partition'],
  ])('refuses %j', (info, words) => {
    expect(readImage(info)).toEqual({ refused: expect.stringContaining(words) as string });
  });
});
