import { useState } from 'preact/hooks';
import { messageOf, post, signedOut } from '../api';
import { Problem, TextField } from '../ui/basics';

export function Login({ onDone }: { onDone: () => void }) {
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const enter = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError('');
    try {
      await post('/session', { user, password });
      signedOut.value = false;
      onDone();
    } catch (e) {
      setError(messageOf(e));
      setPassword('');
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="start">
      <form class="panel login" onSubmit={enter}>
        <h1>certgate</h1>
        <TextField label="User" name="username" autocomplete="username" value={user} onInput={setUser} required autofocus />
        <TextField
          label="Password"
          name="password"
          autocomplete="current-password"
          type="password"
          value={password}
          onInput={setPassword}
          required
        />
        {error && <Problem text={error} />}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="quiet">
          No user yet? Run <code>certgate console</code> on the machine: it prints a link that signs you in once.
        </p>
      </form>
    </main>
  );
}
