package pth

// argument says what follows an opcode in the stream.
type argument uint8

const (
	none     argument = iota
	oneByte           // 1, 2, 4 and 8 bytes of value
	twoBytes          //
	fourBytes
	eightBytes
	line     // text up to a newline
	twoLines // module and name
	bytes1   // a length of 1, 4 or 8 bytes, then that many
	bytes4
	bytes8
)

// effect says what an opcode does to the stack.
type effect uint8

const (
	replace    effect = iota // pops opcode.pops values and pushes one
	pushGlobal               // the same, and what it pushes is a global
	call                     // the same; the lowest value popped must be a global
	gather                   // pops to the mark and pushes one
	gatherCall               // the same; the first value after the mark must be a global
	extend                   // pops to the mark; the value below it stays
	mark
	drop     // pops one value, or the mark when nothing is above it
	dropMark // pops to the mark
	again    // pushes the top once more
	get      // pushes from the memo
	put      // stores the top in the memo
	memoize  // the same, under the next index
	protocol
	frame
	stop
	refuse // never part of a checkpoint
)

// opcode is one instruction of the pickle machine.
type opcode struct {
	name   string
	arg    argument
	effect effect
	pops   int
	makes  bool   // it makes an object of its own
	pairs  bool   // what lies above the mark must be keys and values
	why    string // of refuse
}

// opcodes lists every instruction of protocols 0 to 5. What is not here has no
// name and is refused.
var opcodes = [256]opcode{
	'(':  {name: "MARK", effect: mark},
	'.':  {name: "STOP", effect: stop},
	'0':  {name: "POP", effect: drop},
	'1':  {name: "POP_MARK", effect: dropMark},
	'2':  {name: "DUP", effect: again},
	'F':  {name: "FLOAT", arg: line},
	'G':  {name: "BINFLOAT", arg: eightBytes},
	'I':  {name: "INT", arg: line},
	'J':  {name: "BININT", arg: fourBytes},
	'K':  {name: "BININT1", arg: oneByte},
	'L':  {name: "LONG", arg: line},
	'M':  {name: "BININT2", arg: twoBytes},
	'N':  {name: "NONE"},
	'P':  {name: "PERSID", effect: refuse, why: "a persistent id as text (pickle protocol 0), which torch.load cannot read either"},
	'Q':  {name: "BINPERSID", pops: 1, makes: true},
	'R':  {name: "REDUCE", effect: call, pops: 2, makes: true},
	'S':  {name: "STRING", arg: line},
	'T':  {name: "BINSTRING", arg: bytes4},
	'U':  {name: "SHORT_BINSTRING", arg: bytes1},
	'V':  {name: "UNICODE", arg: line},
	'X':  {name: "BINUNICODE", arg: bytes4},
	'a':  {name: "APPEND", pops: 2},
	'b':  {name: "BUILD", pops: 2},
	'c':  {name: "GLOBAL", arg: twoLines, effect: pushGlobal},
	'd':  {name: "DICT", effect: gather, pairs: true, makes: true},
	'}':  {name: "EMPTY_DICT", makes: true},
	'e':  {name: "APPENDS", effect: extend},
	'g':  {name: "GET", arg: line, effect: get},
	'h':  {name: "BINGET", arg: oneByte, effect: get},
	'i':  {name: "INST", arg: twoLines, effect: gather, makes: true},
	'j':  {name: "LONG_BINGET", arg: fourBytes, effect: get},
	'l':  {name: "LIST", effect: gather, makes: true},
	']':  {name: "EMPTY_LIST", makes: true},
	'o':  {name: "OBJ", effect: gatherCall, makes: true},
	'p':  {name: "PUT", arg: line, effect: put},
	'q':  {name: "BINPUT", arg: oneByte, effect: put},
	'r':  {name: "LONG_BINPUT", arg: fourBytes, effect: put},
	's':  {name: "SETITEM", pops: 3},
	't':  {name: "TUPLE", effect: gather, makes: true},
	')':  {name: "EMPTY_TUPLE", makes: true},
	'u':  {name: "SETITEMS", effect: extend, pairs: true},
	0x80: {name: "PROTO", arg: oneByte, effect: protocol},
	0x81: {name: "NEWOBJ", effect: call, pops: 2, makes: true},
	0x82: {name: "EXT1", effect: refuse, why: extension},
	0x83: {name: "EXT2", effect: refuse, why: extension},
	0x84: {name: "EXT4", effect: refuse, why: extension},
	0x85: {name: "TUPLE1", pops: 1, makes: true},
	0x86: {name: "TUPLE2", pops: 2, makes: true},
	0x87: {name: "TUPLE3", pops: 3, makes: true},
	0x88: {name: "NEWTRUE"},
	0x89: {name: "NEWFALSE"},
	0x8a: {name: "LONG1", arg: bytes1},
	0x8b: {name: "LONG4", arg: bytes4},
	'B':  {name: "BINBYTES", arg: bytes4},
	'C':  {name: "SHORT_BINBYTES", arg: bytes1},
	0x8c: {name: "SHORT_BINUNICODE", arg: bytes1},
	0x8d: {name: "BINUNICODE8", arg: bytes8},
	0x8e: {name: "BINBYTES8", arg: bytes8},
	0x8f: {name: "EMPTY_SET", makes: true},
	0x90: {name: "ADDITEMS", effect: extend},
	0x91: {name: "FROZENSET", effect: gather, makes: true},
	0x92: {name: "NEWOBJ_EX", effect: call, pops: 3, makes: true},
	0x93: {name: "STACK_GLOBAL", effect: pushGlobal, pops: 2},
	0x94: {name: "MEMOIZE", effect: memoize},
	0x95: {name: "FRAME", arg: eightBytes, effect: frame},
	0x96: {name: "BYTEARRAY8", arg: bytes8},
	0x97: {name: "NEXT_BUFFER", effect: refuse, why: outOfBand},
	0x98: {name: "READONLY_BUFFER", effect: refuse, why: outOfBand},
}

const (
	extension = "a class from the extension registry, which a file cannot bring along"
	outOfBand = "out-of-band data, which a file cannot hold"
)
