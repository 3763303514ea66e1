// What the types of partitions are called, for people. Data only; sources: UEFI 2.10 §5.3.3, the Discoverable Partitions Specification,
// util-linux, include/pt-gpt-partnames.h and pt-mbr-partnames.h.

export const ESP = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';

export const GPT_TYPES: Readonly<Record<string, string>> = {
  [ESP]: 'EFI system',
  '21686148-6449-6e6f-744e-656564454649': 'BIOS boot',
  '024dee41-33e7-11d3-9d69-0008c781f39f': 'MBR partition scheme',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux filesystem',
  'e6d6d379-f507-44c2-a23c-238f2a3df928': 'Linux LVM',
  'a19d880f-05fc-4d3b-a006-743f0f84911e': 'Linux RAID',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'Linux extended boot',
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root (x86-64)',
  'b921b045-1df0-41c3-af44-4c6f280d3fae': 'Linux root (ARM64)',
  '933ac7e1-2eb4-4f13-b844-0e14e2aef915': 'Linux home',
  'ca7d7ccb-63ed-4c53-861c-1742536059cc': 'Linux LUKS',
  '6a898cc3-1dd2-11b2-99a6-080020736631': 'Solaris /usr or ZFS',
  '6a945a3b-1dd2-11b2-99a6-080020736631': 'Solaris reserved 1',
  '516e7cba-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD ZFS',
  '516e7cb6-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD UFS',
  '516e7cb4-6ecf-11d6-8ff8-00022d09712b': 'FreeBSD data',
  '83bd6b9d-7f41-11dc-be0b-001560b84f0f': 'FreeBSD boot',
  '4fbd7e29-9d25-41b8-afd0-062c0ceff05d': 'Ceph OSD',
  '45b0969e-9b03-4f30-b4c6-b4b80ceff106': 'Ceph journal',
  'cafecafe-9b03-4f30-b4c6-b4b80ceff106': 'Ceph block',
  '30cd0809-c2b2-499c-8879-2d6b78529876': 'Ceph block DB',
  '5ce17fce-4087-4169-b7ff-056cc58473f9': 'Ceph block WAL',
  'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft basic data',
  'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'Microsoft reserved',
  'de94bba4-06d1-4d40-a16a-bfd50179d6ac': 'Windows recovery',
  '5808c8aa-7e8f-42e0-85d2-e1e90434cfb3': 'Microsoft LDM metadata',
  'af9b60a0-1431-4f62-bc68-3311714a69ad': 'Microsoft LDM data',
  'aa31e02a-400f-11db-9590-000c2911d1b8': 'VMware VMFS',
  '9d275380-40ad-11db-bf97-000c2911d1b8': 'VMware diagnostic',
  '48465300-0000-11aa-aa11-00306543ecac': 'Apple HFS+',
  '7c3457ef-0000-11aa-aa11-00306543ecac': 'Apple APFS',
};

export const MBR_TYPES: Readonly<Record<number, string>> = {
  1: 'FAT12',
  4: 'FAT16',
  5: 'Extended',
  6: 'FAT16',
  7: 'NTFS or exFAT',
  11: 'FAT32',
  12: 'FAT32',
  14: 'FAT16',
  15: 'Extended',
  39: 'Windows recovery',
  130: 'Linux swap',
  131: 'Linux',
  133: 'Linux extended',
  142: 'Linux LVM',
  165: 'FreeBSD',
  175: 'HFS or HFS+',
  191: 'Solaris',
  238: 'GPT protective',
  239: 'EFI system',
  251: 'VMware VMFS',
  253: 'Linux RAID autodetect',
};

export const MBR_EXTENDED: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85]);
export const MBR_PROTECTIVE = 0xee;
export const MBR_ESP = 0xef;
