package main
import ("testing";"time";"context";"github.com/isthmus-go/isthmus/shm";"github.com/isthmus-go/isthmus/ring";"github.com/isthmus-go/isthmus/semaphore")
func TestDemo(t *testing.T){
 s,_:=shm.Create("demo",1<<20,nil); defer shm.Remove("demo",nil)
 type leg struct{Price float64;Size int32}
 type order struct{ID uint64;Legs [2]leg;Name [8]byte; Ok bool}
 q,err:=ring.NewSPSC[order](s,"orders",1024); if err!=nil{t.Fatal(err)}
 b,_:=ring.NewBytesMPMC(s,"log",1<<14)
 l,_:=shm.NewLock(s,"mu"); l.Lock()
 sem,_:=semaphore.New(s,"sem",4,nil); sem.TryAcquire(1)
 p,_:=q.Producer(); c,_:=q.Consumer()
 for i:=0;i<300;i++{ p.Push(context.Background(),order{ID:uint64(i),Legs:[2]leg{{1.5,3},{2.25,-1}},Name:[8]byte{'a','b'},Ok:true}); if i>5 {c.Pop(context.Background())}; b.TryPush([]byte("hello\x1b[2J")); time.Sleep(20*time.Millisecond)}
}
