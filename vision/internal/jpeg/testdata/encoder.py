"""Writes JPEG files that common encoders do not: any sampling factors, any sequence of scans.

It codes coefficients that it is given, with one Huffman table for all: readable, not
compact. "T.81" is ITU-T Recommendation T.81.
"""

import struct

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8, i % 8)[(i // 8 + i % 8) % 2 == 0]))
DC_CODES = {s: (s, 5) for s in range(16)}
# 254 symbols have codes of 8 bits, the last two share what would be one more.
AC_CODES = {s: (s, 8) if s < 254 else (0x1FC + s - 254, 9) for s in range(256)}


class Bits:
    def __init__(self):
        self.out, self.acc, self.n = bytearray(), 0, 0

    def put(self, value, size):
        self.acc, self.n = self.acc << size | value & (1 << size) - 1, self.n + size
        while self.n >= 8:
            self.n -= 8
            byte = self.acc >> self.n & 255
            self.out += b"\xff\0" if byte == 255 else bytes([byte])

    def flush(self):
        if self.n:
            self.put(127, 8 - self.n)

    def number(self, v):
        """A number without its size, which the code before it tells (T.81, F.1.2.1)."""
        size = abs(v).bit_length()
        self.put(v if v > 0 else v - 1, size)


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


class Image:
    """coefs: for each component an int array (rows, columns, 64) of whole MCUs, natural order.

    components: (id, horizontal factor, vertical factor, quantisation table) each.
    """

    def __init__(self, width, height, components, quant, coefs, progressive=False, restart=0):
        self.width, self.height, self.components = width, height, components
        self.quant, self.coefs, self.progressive, self.restart = quant, coefs, progressive, restart
        self.max_h, self.max_v = max(c[1] for c in components), max(c[2] for c in components)

    def mcus(self):
        return -(-self.width // (8 * self.max_h)), -(-self.height // (8 * self.max_v))

    def encode(self, scans, extra=b""):
        """scans: (components, first, last, high, low) each."""
        out = b"\xff\xd8" + extra
        for i, table in enumerate(self.quant):
            wide = max(table) > 255
            out += segment(0xDB, bytes([wide << 4 | i]) + struct.pack(">64" + "BH"[wide], *(table[k] for k in ZIGZAG)))
        frame = struct.pack(">BHHB", 8, self.height, self.width, len(self.components))
        frame += b"".join(bytes([c[0], c[1] << 4 | c[2], c[3]]) for c in self.components)
        out += segment(0xC2 if self.progressive else 0xC1, frame)
        out += segment(0xC4, bytes([0x00] + [0] * 4 + [16] + [0] * 11) + bytes(range(16)))
        out += segment(0xC4, bytes([0x10] + [0] * 7 + [254, 2] + [0] * 7) + bytes(range(256)))
        if self.restart:
            out += segment(0xDD, struct.pack(">H", self.restart))
        for scan in scans:
            out += self.scan(*scan)
        return out + b"\xff\xd9"

    def scan(self, parts, first, last, high, low):
        header = bytes([len(parts)]) + b"".join(bytes([self.components[i][0], 0]) for i in parts)
        out = segment(0xDA, header + bytes([first, last, high << 4 | low]))
        units = self.units(parts)
        step = self.restart or len(units)
        for n, start in enumerate(range(0, len(units), step)):
            if n:
                out += bytes([0xFF, 0xD0 + (n - 1) % 8])
            blocks = [b for unit in units[start : start + step] for b in unit]
            bits = Bits()
            if not self.progressive:
                self.sequential(bits, blocks)
            elif first == 0:
                self.dc(bits, blocks, high, low)
            else:
                self.ac(bits, [b for _, b in blocks], first, last, high, low)
            bits.flush()
            out += bytes(bits.out)
        return out

    def units(self, parts):
        """The blocks of each MCU (T.81, A.2), as (component, coefficients)."""
        mx, my = self.mcus()
        if len(parts) == 1:
            i = parts[0]
            _, h, v, _ = self.components[i]
            columns = -(-(-(-self.width * h // self.max_h)) // 8)
            rows = -(-(-(-self.height * v // self.max_v)) // 8)
            return [[(i, self.coefs[i][y][x])] for y in range(rows) for x in range(columns)]
        return [
            [
                (i, self.coefs[i][y * v + j][x * h + k])
                for i in parts
                for _, h, v, _ in [self.components[i]]
                for j in range(v)
                for k in range(h)
            ]
            for y in range(my)
            for x in range(mx)
        ]

    @staticmethod
    def sequential(bits, blocks):
        last_dc = {}
        for i, block in blocks:
            diff = int(block[0]) - last_dc.get(i, 0)
            last_dc[i] = int(block[0])
            bits.put(*DC_CODES[abs(diff).bit_length()])
            bits.number(diff)
            zeros = 0
            for k in ZIGZAG[1:]:
                v = int(block[k])
                if v == 0:
                    zeros += 1
                    continue
                while zeros > 15:
                    bits.put(*AC_CODES[0xF0])
                    zeros -= 16
                bits.put(*AC_CODES[zeros << 4 | abs(v).bit_length()])
                bits.number(v)
                zeros = 0
            if zeros:
                bits.put(*AC_CODES[0])

    @staticmethod
    def dc(bits, blocks, high, low):
        last = {}
        for i, block in blocks:
            v = int(block[0]) >> low
            if high:
                bits.put(v & 1, 1)
                continue
            diff = v - last.get(i, 0)
            last[i] = v
            bits.put(*DC_CODES[abs(diff).bit_length()])
            bits.number(diff)

    @staticmethod
    def ac(bits, blocks, first, last, high, low):
        """T.81, G.1.2.2 and G.1.2.3."""
        run, pending = 0, []  # blocks whose band has ended; the bits that correct their coefficients

        def end_run():
            nonlocal run
            if run:
                size = run.bit_length() - 1
                bits.put(*AC_CODES[size << 4])
                bits.put(run, size)
            for b in pending:
                bits.put(b, 1)
            run = 0
            pending.clear()

        for block in blocks:
            values = [int(block[k]) for k in ZIGZAG[first : last + 1]]
            values = [(abs(v) >> low) * (1 if v > 0 else -1) for v in values]
            new = [k for k, v in enumerate(values) if v and not (high and abs(v) > 1)]
            end = new[-1] if new else -1
            zeros, corrections = 0, []
            for k, v in enumerate(values):
                if v == 0:
                    zeros += 1
                    continue
                while zeros > 15 and k <= end:
                    end_run()
                    bits.put(*AC_CODES[0xF0])
                    zeros -= 16
                    for b in corrections:
                        bits.put(b, 1)
                    corrections = []
                if high and abs(v) > 1:
                    corrections.append(abs(v) & 1)
                    continue
                end_run()
                size = abs(v).bit_length()
                bits.put(*AC_CODES[zeros << 4 | (1 if high else size)])
                if high:
                    bits.put(v > 0, 1)
                else:
                    bits.number(v)
                for b in corrections:
                    bits.put(b, 1)
                zeros, corrections = 0, []
            if zeros or corrections:
                run += 1
                pending += corrections
                if run == 0x7FFF:
                    end_run()
        end_run()
