//go:build linux && amd64 && !purego

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// A tracer runs one program.
type tracer struct {
	pid      int
	refuse   bool // the permission to use tiles
	memory   memory
	code     code
	patches  map[uint64]patch // by address
	threads  map[int]*tiles   // of the threads that have used some
	executed int              // tile instructions
	leaked   error            // the first time that tiles were not released
}

// start starts a program, which it has changed.
func start(args []string, refuse bool) (*tracer, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &tracer{pid: cmd.Process.Pid, refuse: refuse, memory: memory(cmd.Process.Pid), threads: make(map[int]*tiles)}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &status, 0, nil); err != nil {
		return nil, err
	}
	if !status.Stopped() {
		return nil, fmt.Errorf("not started: status %#x", status)
	}
	const exitKill = 0x100000 // PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(t.pid, syscall.PTRACE_O_TRACECLONE|exitKill); err != nil {
		return nil, fmt.Errorf("ptrace: set options: %w", err)
	}
	var err error
	if t.code, t.patches, err = t.prepare(cmd.Path); err != nil {
		return nil, err
	}
	return t, syscall.PtraceCont(t.pid, 0)
}

// run follows the program to its end and returns its exit status, which for a death by
// a signal is 128 and its number.
func (t *tracer) run() (int, error) {
	for {
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &status, syscall.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 1, fmt.Errorf("wait: %w", err)
		}
		switch {
		case status.Exited() || status.Signaled():
			delete(t.threads, tid)
			if tid != t.pid {
				continue
			}
			if status.Signaled() {
				return 128 + int(status.Signal()), t.leaked
			}
			return status.ExitStatus(), t.leaked
		case status.Stopped():
			sig, err := t.stopped(tid, status)
			if err == nil {
				err = syscall.PtraceCont(tid, int(sig))
			}
			// A thread that is gone was killed with its process.
			if err != nil && !errors.Is(err, syscall.ESRCH) {
				return 1, err
			}
		}
	}
}

// stopped deals with a thread that has stopped and returns the signal that it goes on with.
func (t *tracer) stopped(tid int, status syscall.WaitStatus) (syscall.Signal, error) {
	switch sig := status.StopSignal(); {
	case sig == syscall.SIGTRAP && status>>16 != 0: // a thread has made another
		return 0, nil
	case sig == syscall.SIGSTOP: // a new thread
		return 0, nil
	case sig == syscall.SIGILL:
		return t.illegal(tid)
	default:
		return sig, nil
	}
}

// illegal carries out the instructions of tiles at which a thread has stopped, up to
// the first that is none.
func (t *tracer) illegal(tid int) (syscall.Signal, error) {
	var r syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &r); err != nil {
		return 0, err
	}
	if p, ok := t.patches[r.Rip]; ok {
		p.answer(t, &r)
		r.Rip += uint64(p.length)
		return 0, syscall.PtraceSetRegs(tid, &r)
	}
	if t.refuse {
		return syscall.SIGILL, nil
	}
	state := t.threads[tid]
	if state == nil {
		state = new(tiles)
		t.threads[tid] = state
	}
	first := true
	for ; ; first = false {
		in, ok := decode(t.code.at(r.Rip))
		if !ok {
			break
		}
		if in.op == ldtilecfg && state.configured && t.leaked == nil {
			t.leaked = fmt.Errorf("tiles that were not released are configured again at %#x", r.Rip)
		}
		if err := t.execute(state, in, &r); err != nil {
			if !first {
				break // it stops the thread again, alone
			}
			if errors.Is(err, errUndefined) {
				return syscall.SIGILL, nil
			}
			return syscall.SIGSEGV, nil
		}
		t.executed++
		r.Rip += uint64(in.length)
	}
	if first {
		return syscall.SIGILL, nil
	}
	return 0, syscall.PtraceSetRegs(tid, &r)
}

// execute carries out one instruction but for the step to the next.
func (t *tracer) execute(s *tiles, in instruction, r *syscall.PtraceRegs) error {
	m := in.mem
	register := func(n int) uint64 {
		if n == noRegister {
			return 0
		}
		return *registers(r)[n]
	}
	at, stride := register(m.base)+uint64(m.disp), register(m.index)<<m.shift
	if m.nextRIP {
		at += r.Rip + uint64(in.length)
	}
	switch in.op {
	case ldtilecfg:
		var cfg [64]byte
		if err := t.memory.read(at+stride, cfg[:]); err != nil {
			return err
		}
		return s.configure(&cfg)
	case tilerelease:
		*s = tiles{}
		return nil
	case tdpbf16ps:
		return s.product(in.tile, in.a, in.b)
	}
	x, err := s.tile(in.tile)
	if err != nil {
		return err
	}
	row := func(i int) uint64 { return at + uint64(i)*stride }
	switch in.op {
	case tilezero:
		x.data = [tileRows][rowBytes]byte{}
	case tileload:
		return x.load(func(i int, dst []byte) error { return t.memory.read(row(i), dst) })
	case tilestore:
		for i := range x.rows {
			if err := t.memory.write(row(i), x.data[i][:x.colsb]); err != nil {
				return err
			}
		}
	}
	return nil
}

// registers returns the general registers in the order of encodings.
func registers(r *syscall.PtraceRegs) *[16]*uint64 {
	return &[16]*uint64{
		&r.Rax, &r.Rcx, &r.Rdx, &r.Rbx, &r.Rsp, &r.Rbp, &r.Rsi, &r.Rdi,
		&r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15,
	}
}
