	ldtilecfg (%rax)
	ldtilecfg (%rsi)
	ldtilecfg (%r9)
	ldtilecfg 16(%rbx)
	ldtilecfg -4096(%rbp)
	ldtilecfg (%r13)
	tilerelease
	tilezero %tmm0
	tilezero %tmm7
	tileloadd (%rdi,%r8), %tmm4
	tileloadd (%rsi,%r9), %tmm6
	tileloadd 64(%rsi,%r9), %tmm7
	tileloadd 64(%r15,%r9), %tmm7
	tileloadd (%r10,%r8), %tmm5
	tileloadd (%r13,%r8), %tmm5
	tileloadd (%rbp,%rax), %tmm1
	tileloadd (%r12,%rax), %tmm2
	tileloadd -64(%r12,%r15), %tmm3
	tileloadd 2112(%rbx,%r14), %tmm3
	tileloadd -129(%rsp,%rbp), %tmm0
	tileloadd (%rcx), %tmm0
	tileloadd 8(%rcx,%rdx,4), %tmm0
	tileloaddt1 (%rcx,%r11,8), %tmm1
	tileloadd 64(,%rdx,2), %tmm0
	tilestored %tmm0, (%rbx,%r9)
	tilestored %tmm1, 64(%rbx,%r9)
	tilestored %tmm7, 127(%r13,%r12)
	tilestored %tmm3, 128(%rdx,%rcx)
	tdpbf16ps %tmm6, %tmm4, %tmm0
	tdpbf16ps %tmm7, %tmm5, %tmm3
	tdpbf16ps %tmm1, %tmm2, %tmm7
	tdpbf16ps %tmm0, %tmm7, %tmm1
