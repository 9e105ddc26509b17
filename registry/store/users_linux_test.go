package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gozoo/zoo/internal/faulthost"
)

// user runs the test program as somebody else.
type user struct{ uid, gid uint32 }

// child returns a process that works in a folder as a user, with a umask.
func (u user) child(t *testing.T, program, dir, url, umask string, env ...string) *exec.Cmd {
	c := childCommand(t, dir, url, append(env, childUmask+"="+umask, "HOME=/nonexistent")...)
	c.Path, c.Args[0] = program, program
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.gid}}
	return c
}

// publicProgram copies the test program to where everybody may run it, and returns a folder
// that everybody may look into.
func publicProgram(t *testing.T) (program, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("left out: only root can be other users")
	}
	dir, err := os.MkdirTemp("", "zoo-users-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "program")
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	for path := range map[string]bool{dir: true, program: true} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return program, dir
}

// TestUsersShare has two users of one group work in a folder that the group may write to,
// whatever their umasks: each goes on with what the other left, and removes what it made.
func TestUsersShare(t *testing.T) {
	program, dir := publicProgram(t)
	const group = 20000
	alice, bob := user{10001, group}, user{10002, group}
	for _, umask := range []string{"002", "022"} {
		t.Run("umask "+umask, func(t *testing.T) {
			project := filepath.Join(dir, umask)
			cache := filepath.Join(project, "cache")
			for _, d := range []string{project, cache} {
				if err := os.Mkdir(d, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(os.Chown(d, 0, group), os.Chmod(d, 0o775|os.ModeSetgid)); err != nil {
					t.Fatal(err)
				}
			}
			host := faulthost.Start(t, content, faulthost.Drip(content, 4<<10, 2*time.Millisecond))
			// Alice's download is killed when some of it is there.
			c := alice.child(t, program, cache, host.URL+"/f", umask)
			if err := c.Start(); err != nil {
				t.Skipf("left out: no process of another user can be started here: %v", err)
			}
			for range 500 {
				if st, err := os.Stat(filepath.Join(cache, partialDir, "net_in1k.part")); err == nil && st.Size() > 20000 {
					break
				}
				time.Sleep(2 * time.Millisecond)
			}
			c.Process.Kill()
			c.Wait()
			for i, u := range []user{bob, alice, bob} {
				if out, err := u.child(t, program, cache, host.URL+"/f", umask).CombinedOutput(); err != nil {
					t.Fatalf("user %d: %v: %s", i, err, out)
				}
			}
			s := openStore(t, cache)
			checkAfterKill(t, s, nil)
			s.Release()
			if out, err := alice.child(t, program, cache, "", umask, childPrune+"=1").CombinedOutput(); err != nil {
				t.Errorf("alice prunes: %v: %s", err, out)
			}
			if left := files(t, s); len(left) != 1 {
				t.Errorf("left %q, want the lock file", left)
			}
			if out, err := bob.child(t, program, cache, host.URL+"/f", umask).CombinedOutput(); err != nil {
				t.Errorf("bob again: %v: %s", err, out)
			}
		})
	}
}

// TestUsersApart has a user make a folder where everybody may: another reads what is there,
// and is told that nothing can be added.
func TestUsersApart(t *testing.T) {
	program, dir := publicProgram(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(dir, "cache")
	alice, bob := user{10001, 10001}, user{10002, 10002}
	host := faulthost.Start(t, content, nil)
	c := alice.child(t, program, cache, host.URL+"/f", "022")
	if err := c.Start(); err != nil {
		t.Skipf("left out: no process of another user can be started here: %v", err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	asked := host.Requests.Load()
	// The project's lock file is alice's, too.
	os.Remove(filepath.Join(dir, "zoo.lock"))
	if out, err := bob.child(t, program, cache, host.URL+"/f", "022").CombinedOutput(); err != nil || !strings.Contains(string(out), digestOf(content).String()) {
		t.Errorf("bob: %v: %s", err, out)
	}
	if out, err := bob.child(t, program, cache, "", "022", childPrune+"=1").CombinedOutput(); err == nil || !strings.Contains(string(out), "cannot be written to") {
		t.Errorf("bob prunes: %v: %s", err, out)
	}
	if n := host.Requests.Load() - asked; n != 0 {
		t.Errorf("bob made %d requests for what is there", n)
	}
	s := openStore(t, cache)
	checkAfterKill(t, s, nil)
}
