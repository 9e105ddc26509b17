	vdpbf16ps %zmm0, %zmm0, %zmm0
	vdpbf16ps %zmm1, %zmm2, %zmm3
	vdpbf16ps %zmm7, %zmm15, %zmm31
	vdpbf16ps %zmm8, %zmm16, %zmm1
	vdpbf16ps %zmm16, %zmm7, %zmm8
	vdpbf16ps %zmm24, %zmm31, %zmm15
	vdpbf16ps %zmm31, %zmm24, %zmm16
	vdpbf16ps %zmm29, %zmm28, %zmm27
	vcvtne2ps2bf16 %zmm1, %zmm2, %zmm3
	vcvtne2ps2bf16 %zmm30, %zmm9, %zmm22
	vcvtne2ps2bf16 %zmm9, %zmm22, %zmm30
	vcvtne2ps2bf16 %zmm22, %zmm30, %zmm9
	vcvtneps2bf16 %zmm2, %ymm1
	vcvtneps2bf16 %zmm31, %ymm0
	vcvtneps2bf16 %zmm0, %ymm31
	vcvtneps2bf16 %zmm17, %ymm13
	vcvtneps2bf16 %zmm13, %ymm17
