import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createQueryClient } from './api/queries.ts'
import { createConsoleRouter } from './router.tsx'
import './styles.css'
import { Toaster } from './ui/toast.tsx'

const queryClient = createQueryClient()
const router = createConsoleRouter(queryClient)

const root = document.getElementById('app')
if (root === null) throw new Error('index.html has no #app element')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
      <Toaster />
    </QueryClientProvider>
  </StrictMode>,
)
