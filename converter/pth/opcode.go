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

// What instructions make the machine and the walks hold, in bytes at the peak:
// measured on pickles of a million of each, the collector's share included. Every
// byte of an argument counts three times besides.
const (
	costNumber     = 30
	costText       = 30
	costMemo       = 100
	costGlobal     = 80
	costTuple      = 100
	costContainer  = 330
	costObject     = 300
	costPersistent = 150
	costItem       = 60  // of a list, a tuple or a set
	costPair       = 540 // of a dict
	costHeight     = 60  // of each value on the stack at its highest
)

// opcode is one instruction of the pickle machine.
type opcode struct {
	name   string
	arg    argument
	effect effect
	pops   int
	cost   int    // bytes of memory that it takes when run
	pairs  bool   // what it takes are keys and values
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
	'F':  {name: "FLOAT", arg: line, cost: costNumber},
	'G':  {name: "BINFLOAT", arg: eightBytes, cost: costNumber},
	'I':  {name: "INT", arg: line, cost: costNumber},
	'J':  {name: "BININT", arg: fourBytes, cost: costNumber},
	'K':  {name: "BININT1", arg: oneByte},
	'L':  {name: "LONG", arg: line, cost: costNumber},
	'M':  {name: "BININT2", arg: twoBytes, cost: costNumber},
	'N':  {name: "NONE"},
	'P':  {name: "PERSID", effect: refuse, why: "a persistent id as text (pickle protocol 0), which torch.load cannot read either"},
	'Q':  {name: "BINPERSID", pops: 1, effect: pushGlobal, cost: costPersistent},
	'R':  {name: "REDUCE", effect: call, pops: 2, cost: costObject},
	'S':  {name: "STRING", arg: line, cost: costText},
	'T':  {name: "BINSTRING", arg: bytes4, cost: costText},
	'U':  {name: "SHORT_BINSTRING", arg: bytes1, cost: costText},
	'V':  {name: "UNICODE", arg: line, cost: costText},
	'X':  {name: "BINUNICODE", arg: bytes4, cost: costText},
	'a':  {name: "APPEND", pops: 2},
	'b':  {name: "BUILD", pops: 2},
	'c':  {name: "GLOBAL", arg: twoLines, effect: pushGlobal, cost: costGlobal},
	'd':  {name: "DICT", effect: gather, pairs: true, cost: costContainer},
	'}':  {name: "EMPTY_DICT", cost: costContainer},
	'e':  {name: "APPENDS", effect: extend},
	'g':  {name: "GET", arg: line, effect: get},
	'h':  {name: "BINGET", arg: oneByte, effect: get},
	'i':  {name: "INST", arg: twoLines, effect: gather, cost: costObject},
	'j':  {name: "LONG_BINGET", arg: fourBytes, effect: get},
	'l':  {name: "LIST", effect: gather, cost: costContainer},
	']':  {name: "EMPTY_LIST", cost: costContainer},
	'o':  {name: "OBJ", effect: gatherCall, cost: costObject},
	'p':  {name: "PUT", arg: line, effect: put, cost: costMemo},
	'q':  {name: "BINPUT", arg: oneByte, effect: put, cost: costMemo},
	'r':  {name: "LONG_BINPUT", arg: fourBytes, effect: put, cost: costMemo},
	's':  {name: "SETITEM", pops: 3, pairs: true},
	't':  {name: "TUPLE", effect: gather, cost: costTuple},
	')':  {name: "EMPTY_TUPLE", cost: costTuple},
	'u':  {name: "SETITEMS", effect: extend, pairs: true},
	0x80: {name: "PROTO", arg: oneByte, effect: protocol},
	0x81: {name: "NEWOBJ", effect: call, pops: 2, cost: costObject},
	0x82: {name: "EXT1", effect: refuse, why: extension},
	0x83: {name: "EXT2", effect: refuse, why: extension},
	0x84: {name: "EXT4", effect: refuse, why: extension},
	0x85: {name: "TUPLE1", pops: 1, cost: costTuple},
	0x86: {name: "TUPLE2", pops: 2, cost: costTuple},
	0x87: {name: "TUPLE3", pops: 3, cost: costTuple},
	0x88: {name: "NEWTRUE"},
	0x89: {name: "NEWFALSE"},
	0x8a: {name: "LONG1", arg: bytes1, cost: costNumber},
	0x8b: {name: "LONG4", arg: bytes4, cost: costNumber},
	'B':  {name: "BINBYTES", arg: bytes4, cost: costText},
	'C':  {name: "SHORT_BINBYTES", arg: bytes1, cost: costText},
	0x8c: {name: "SHORT_BINUNICODE", arg: bytes1, cost: costText},
	0x8d: {name: "BINUNICODE8", arg: bytes8, cost: costText},
	0x8e: {name: "BINBYTES8", arg: bytes8, cost: costText},
	0x8f: {name: "EMPTY_SET", cost: costContainer},
	0x90: {name: "ADDITEMS", effect: extend},
	0x91: {name: "FROZENSET", effect: gather, cost: costContainer},
	0x92: {name: "NEWOBJ_EX", effect: call, pops: 3, cost: costObject},
	0x93: {name: "STACK_GLOBAL", effect: pushGlobal, pops: 2, cost: costGlobal},
	0x94: {name: "MEMOIZE", effect: memoize, cost: costMemo},
	0x95: {name: "FRAME", arg: eightBytes, effect: frame},
	0x96: {name: "BYTEARRAY8", arg: bytes8, cost: costText},
	0x97: {name: "NEXT_BUFFER", effect: refuse, why: outOfBand},
	0x98: {name: "READONLY_BUFFER", effect: refuse, why: outOfBand},
}

const (
	extension = "a class from the extension registry, which a file cannot bring along"
	outOfBand = "out-of-band data, which a file cannot hold"
)
